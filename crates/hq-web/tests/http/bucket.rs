//! A bucket on this machine that speaks as much of S3 as packages need: PUT and GET of whole
//! objects.
//!
//! It never checks a signature: `cargo xtask package-store` has a real server for that.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use tillsync_hq::PackageStore;

/// A bucket named `packages`.
pub(crate) struct Bucket {
    address: SocketAddr,
    objects: Arc<Mutex<HashMap<String, Vec<u8>>>>,
}

impl Bucket {
    /// Opens an empty one. Its thread ends with the process.
    pub(crate) fn open() -> Bucket {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let address = listener.local_addr().expect("an address");
        let objects = Arc::<Mutex<HashMap<_, _>>>::default();
        let kept = Arc::clone(&objects);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // Whoever hangs up has no use for the answer.
                let _ = answer(stream, &kept);
            }
        });
        Bucket { address, objects }
    }

    /// A package store in it.
    pub(crate) fn store(&self) -> PackageStore {
        let url = "s3://packages/hq".parse().expect("a URL");
        let variables = [
            ("AWS_ENDPOINT", format!("http://{}", self.address)),
            ("AWS_ALLOW_HTTP", "true".to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", "ann".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "geheim".to_owned()),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value));
        PackageStore::open(&url, variables).expect("opening asks nobody")
    }

    /// Deletes everything.
    pub(crate) fn empty(&self) {
        self.objects.lock().expect("no panic").clear();
    }
}

fn answer(mut stream: TcpStream, objects: &Mutex<HashMap<String, Vec<u8>>>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head)? > 0 {}
    let request = head.lines().next().unwrap_or_default();
    let mut words = request.split(' ');
    let (verb, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let path = target.split('?').next().unwrap_or_default().to_owned();
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    });
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body)?;
    let (status, bytes) = match verb {
        "PUT" => {
            objects.lock().expect("no panic").insert(path, body);
            ("200 OK", Vec::new())
        }
        _ => match objects.lock().expect("no panic").get(&path) {
            Some(bytes) => ("200 OK", bytes.clone()),
            None => ("404 Not Found", b"<Error><Code>NoSuchKey</Code></Error>".to_vec()),
        },
    };
    let modified = "Mon, 02 Mar 2026 10:00:00 GMT";
    write!(
        stream,
        "HTTP/1.1 {status}\r\nETag: \"1\"\r\nLast-Modified: {modified}\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        bytes.len()
    )?;
    stream.write_all(&bytes)
}
