//! A wire between an edge and its upstream that can be cut and mended.
//!
//! A relay on loopback: what dials its address reaches the target while the wire is whole. It must
//! never look into what it carries.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use crate::server::Address;

/// Whether a link carries anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkState {
    /// Connections pass.
    Whole,
    /// Connections were dropped and new ones are refused.
    Cut,
    /// Requests reach the target, and its answers get lost.
    Deaf,
}

/// A relay from a fixed address to wherever its target listens at the moment.
#[derive(Debug)]
pub struct Link {
    address: SocketAddr,
    wire: Arc<Wire>,
    acceptor: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Wire {
    targets: Vec<Address>,
    turn: AtomicUsize,
    is_deaf: AtomicBool,
    connections: Mutex<Connections>,
}

#[derive(Debug)]
struct Connections {
    state: LinkState,
    is_closed: bool,
    next: u64,
    open: HashMap<u64, (SocketAddr, [TcpStream; 2])>,
}

impl Link {
    /// Opens a whole link to a target.
    ///
    /// # Errors
    /// The machine gives no port or no thread.
    pub fn open(target: Address) -> io::Result<Link> {
        Link::open_to_any(vec![target])
    }

    /// Opens a whole link to whichever of some targets listens: the first, until it does not.
    ///
    /// # Errors
    /// The machine gives no port or no thread.
    pub fn open_to_any(targets: Vec<Address>) -> io::Result<Link> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let connections = Connections {
            state: LinkState::Whole,
            is_closed: false,
            next: 0,
            open: HashMap::new(),
        };
        let wire = Arc::new(Wire {
            targets,
            turn: AtomicUsize::new(0),
            is_deaf: AtomicBool::new(false),
            connections: Mutex::new(connections),
        });
        let accepting = Arc::clone(&wire);
        let acceptor = std::thread::Builder::new()
            .name("link".to_owned())
            .spawn(move || accept(&listener, &accepting))?;
        Ok(Link { address, wire, acceptor: Some(acceptor) })
    }

    /// Where the edge dials.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether it carries anything.
    pub fn state(&self) -> LinkState {
        self.wire.lock().state
    }

    /// Drops every connection and refuses new ones.
    pub fn cut(&self) {
        let mut connections = self.wire.lock();
        connections.state = LinkState::Cut;
        connections.drop_all();
    }

    /// Ends the connections to targets that do not listen any more.
    pub(crate) fn hang_up_on_absent(&self) {
        let present: Vec<_> = self.wire.targets.iter().filter_map(Address::get).collect();
        self.wire.lock().open.retain(|_, (target, ends)| {
            let is_present = present.contains(target);
            if !is_present {
                hang_up(ends);
            }
            is_present
        });
    }

    /// Lets requests pass, and their answers get lost.
    pub fn deafen(&self) {
        let mut connections = self.wire.lock();
        connections.state = LinkState::Deaf;
        self.wire.is_deaf.store(true, Ordering::SeqCst);
    }

    /// Lets connections pass again. Those that have lost answers are dropped.
    pub fn mend(&self) {
        let mut connections = self.wire.lock();
        if connections.state == LinkState::Deaf {
            connections.drop_all();
        }
        connections.state = LinkState::Whole;
        self.wire.is_deaf.store(false, Ordering::SeqCst);
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        {
            let mut connections = self.wire.lock();
            connections.is_closed = true;
            connections.drop_all();
        }
        // The acceptor sits in `accept`; one last connection makes it look.
        let woken = TcpStream::connect(self.address).is_ok();
        if let Some(acceptor) = self.acceptor.take().filter(|_| woken) {
            // A panic of the acceptor was printed already, and the link is gone in any case.
            drop(acceptor.join());
        }
    }
}

impl Connections {
    fn drop_all(&mut self) {
        for (_, ends) in self.open.values() {
            hang_up(ends);
        }
        self.open.clear();
    }
}

impl Wire {
    fn lock(&self) -> MutexGuard<'_, Connections> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Registers a connection, unless the wire was cut or closed meanwhile.
    fn admit(&self, target: SocketAddr, ends: [TcpStream; 2]) -> Option<u64> {
        let mut connections = self.lock();
        if connections.is_closed || connections.state == LinkState::Cut {
            hang_up(&ends);
            return None;
        }
        let id = connections.next;
        connections.next += 1;
        connections.open.insert(id, (target, ends));
        Some(id)
    }

    /// Dials the target whose turn it is, and the next ones while nobody answers.
    fn dial(&self) -> Option<(SocketAddr, TcpStream)> {
        let first = self.turn.load(Ordering::Relaxed);
        for turn in first..first + self.targets.len() {
            let target = self.targets[turn % self.targets.len()].get();
            let dialled =
                target.and_then(|target| Some((target, TcpStream::connect(target).ok()?)));
            if dialled.is_some() {
                self.turn.store(turn % self.targets.len(), Ordering::Relaxed);
                return dialled;
            }
        }
        None
    }
}

fn accept(listener: &TcpListener, wire: &Arc<Wire>) {
    for near in listener.incoming() {
        if wire.lock().is_closed {
            return;
        }
        // A connection that failed before it began is the dialler's to repeat.
        let Ok(near) = near else { continue };
        if wire.lock().state == LinkState::Cut {
            continue;
        }
        let wire = Arc::clone(wire);
        let carried = std::thread::Builder::new()
            .name("link-out".to_owned())
            .spawn(move || drop(carry(&wire, near)));
        // No thread, no connection: dropping it is what a broken wire does.
        drop(carried);
    }
}

fn carry(wire: &Arc<Wire>, near: TcpStream) -> io::Result<()> {
    let Some((target, far)) = wire.dial() else { return Ok(()) };
    near.set_nodelay(true)?;
    far.set_nodelay(true)?;
    let Some(id) = wire.admit(target, [near.try_clone()?, far.try_clone()?]) else { return Ok(()) };
    let ends = [near.try_clone()?, far.try_clone()?];
    let answering = Arc::clone(wire);
    let back = std::thread::Builder::new().name("link-back".to_owned()).spawn(move || {
        let [near, far] = ends;
        pump(far, near, |far, near| copy_unless_deaf(&answering, far, near));
    });
    match back {
        Ok(back) => {
            pump(near, far, |near, far| io::copy(near, far).map(drop));
            drop(back.join());
        }
        Err(_) => hang_up(&[near, far]),
    }
    wire.lock().open.remove(&id);
    Ok(())
}

/// Carries bytes one way until an end closes; then the other end learns of it.
fn pump(
    mut from: TcpStream,
    mut to: TcpStream,
    copy: impl FnOnce(&mut TcpStream, &mut TcpStream) -> io::Result<()>,
) {
    let end = match copy(&mut from, &mut to) {
        Ok(()) => Shutdown::Write,
        Err(_) => Shutdown::Both,
    };
    // It may be closed already; that is what is wanted.
    drop(to.shutdown(end));
    if end == Shutdown::Both {
        drop(from.shutdown(Shutdown::Both));
    }
}

/// Carries answers; those that come while the wire is deaf are taken and lost.
fn copy_unless_deaf(wire: &Wire, far: &mut TcpStream, near: &mut TcpStream) -> io::Result<()> {
    let mut buffer = [0; 16 << 10];
    loop {
        match far.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(_) if wire.is_deaf.load(Ordering::SeqCst) => {}
            Ok(count) => near.write_all(&buffer[..count])?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn hang_up(ends: &[TcpStream; 2]) {
    for end in ends {
        // An end that is gone already needs no hanging up.
        drop(end.shutdown(Shutdown::Both));
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::sync::mpsc::{Receiver, channel};
    use std::time::Duration;

    use super::*;
    use crate::waiting::wait_until;

    /// Answers every line with the same line until its clients are gone.
    fn echo_server() -> Address {
        recording_server().0
    }

    /// The same, and what it hears.
    fn recording_server() -> (Address, Receiver<String>) {
        let (tell, heard) = channel();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = Address::default();
        address.set(Some(listener.local_addr().unwrap()));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (mut stream, tell) = (stream.unwrap(), tell.clone());
                std::thread::spawn(move || {
                    let lines = BufReader::new(stream.try_clone().unwrap()).lines();
                    for line in lines.map_while(Result::ok) {
                        // Most tests do not listen.
                        drop(tell.send(line.clone()));
                        writeln!(stream, "{line}").unwrap();
                    }
                });
            }
        });
        (address, heard)
    }

    fn say(stream: &TcpStream, line: &str) -> io::Result<String> {
        let mut stream = stream.try_clone()?;
        writeln!(stream, "{line}")?;
        let mut answer = String::new();
        BufReader::new(stream).read_line(&mut answer)?;
        Ok(answer)
    }

    fn dial(link: &Link) -> TcpStream {
        let stream = TcpStream::connect(link.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream
    }

    #[test]
    fn a_whole_link_carries_both_ways_and_a_cut_one_drops_what_was_open() {
        let link = Link::open(echo_server()).unwrap();
        let stream = dial(&link);
        assert_eq!(say(&stream, "hello").unwrap(), "hello\n");
        link.cut();
        let answer = say(&stream, "still there?").unwrap_or_default();
        assert_eq!(answer, "", "a cut link must not carry anything");
    }

    #[test]
    fn a_cut_link_refuses_until_it_is_mended() {
        let link = Link::open(echo_server()).unwrap();
        link.cut();
        assert_eq!(link.state(), LinkState::Cut);
        assert_eq!(say(&dial(&link), "anybody?").unwrap_or_default(), "");
        link.mend();
        assert_eq!(say(&dial(&link), "anybody?").unwrap(), "anybody?\n");
    }

    #[test]
    fn a_deaf_link_carries_requests_and_no_answers_until_it_is_mended() {
        let (target, heard) = recording_server();
        let link = Link::open(target).unwrap();
        let stream = dial(&link);
        assert_eq!(say(&stream, "first").unwrap(), "first\n");
        link.deafen();
        stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        assert!(say(&stream, "second").is_err(), "no answer comes");
        let limit = Duration::from_secs(10);
        assert_eq!(heard.recv_timeout(limit).unwrap(), "first");
        assert_eq!(heard.recv_timeout(limit).unwrap(), "second");
        link.mend();
        assert_eq!(say(&dial(&link), "third").unwrap(), "third\n");
        let late = say(&stream, "fourth").unwrap_or_default();
        assert_eq!(late, "", "a connection that lost an answer is not used on");
    }

    #[test]
    fn a_link_follows_its_target_to_a_new_address() {
        let target = echo_server();
        let link = Link::open(target.clone()).unwrap();
        target.set(None);
        assert_eq!(say(&dial(&link), "anybody?").unwrap_or_default(), "");
        target.set(echo_server().get());
        assert_eq!(say(&dial(&link), "anybody?").unwrap(), "anybody?\n");
    }

    #[test]
    fn a_link_to_several_changes_to_the_next_and_hangs_up_on_who_is_gone() {
        let (first, second) = (echo_server(), echo_server());
        let link = Link::open_to_any(vec![first.clone(), second]).unwrap();
        let stream = dial(&link);
        assert_eq!(say(&stream, "a").unwrap(), "a\n");
        link.hang_up_on_absent();
        assert_eq!(say(&stream, "b").unwrap(), "b\n", "its target is there");
        first.set(None);
        assert_eq!(say(&stream, "c").unwrap(), "c\n", "what is open stays so");
        link.hang_up_on_absent();
        assert!(say(&stream, "d").map_or(true, |answer| answer.is_empty()));
        assert_eq!(say(&dial(&link), "e").unwrap(), "e\n");
    }

    #[test]
    fn a_closed_connection_is_forgotten() {
        let link = Link::open(echo_server()).unwrap();
        let stream = dial(&link);
        assert_eq!(say(&stream, "hello").unwrap(), "hello\n");
        assert_eq!(link.wire.lock().open.len(), 1);
        drop(stream);
        let limit = Duration::from_secs(10);
        assert!(wait_until(limit, || link.wire.lock().open.is_empty().then_some(())).is_some());
    }
}
