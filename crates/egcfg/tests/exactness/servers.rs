//! Real servers: `egcfg serve`, and llama.cpp's `llama-server` where it was built (`scripts/llama-server.sh`) or is named by
//! `EGCFG_LLAMA_SERVER`.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::start::Server;

/// This program's own server; one thread and a single-precision cache, as in process.
pub(crate) fn egcfg_serve(model: &Path) -> Server {
    Server::start(&["--exact", "--model", model.to_str().unwrap()])
}

/// llama.cpp's server, with numbers as exact as it can; `None` where there is none.
pub(crate) fn llama_server(model: &Path) -> Option<Server> {
    let Some(program) = llama_server_program() else {
        eprintln!(
            "skipped: no llama-server; scripts/llama-server.sh builds one, EGCFG_LLAMA_SERVER names one"
        );
        return None;
    };
    let mut child = Command::new(program)
        .arg("--model")
        .arg(model)
        .args(["--host", "127.0.0.1", "--port", "0", "--ctx-size", "16384", "--parallel", "4"])
        .args(["--cache-type-k", "f32", "--cache-type-v", "f32", "--flash-attn", "off", "--threads", "1"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap());
    let address = announced(&mut log);
    // Whoever stops reading its log stops it.
    std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
    Some(Server { child, address })
}

fn llama_server_program() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("EGCFG_LLAMA_SERVER").filter(|name| !name.is_empty()) {
        return Some(named.into());
    }
    let folder = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = folder("EGCFG_CACHE")
        .or_else(|| Some(folder("XDG_CACHE_HOME")?.join("egcfg")))
        .or_else(|| Some(folder("HOME")?.join(".cache/egcfg")))?;
    Some(cache.join("llama-server/llama-server")).filter(|program| program.is_file())
}

/// Host and port in the first line that holds an address.
fn announced(output: impl std::io::Read) -> String {
    let mut log = Vec::new();
    for line in BufReader::new(output).lines() {
        let line = line.unwrap();
        if let Some((_, after)) = line.split_once("http://127.0.0.1:") {
            let port: String = after.chars().take_while(char::is_ascii_digit).collect();
            if !port.is_empty() && port != "0" {
                return format!("127.0.0.1:{port}");
            }
        }
        log.push(line);
    }
    panic!("the server ended without an address: {}", log.join("\n"));
}
