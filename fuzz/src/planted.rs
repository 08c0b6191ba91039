//! An error on purpose: the test of the engine.

pub(crate) fn run(input: &[u8]) {
    let mut bytes = input.iter();
    for wanted in b"tills" {
        if bytes.next() != Some(wanted) {
            return;
        }
    }
    panic!("the planted error was found");
}
