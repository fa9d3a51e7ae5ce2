//! OpenAI's own Python client, unchanged. The interpreter is `EGCFG_OPENAI_PYTHON`, else `python3`; without its package
//! the test is left out, and says so.

use std::process::Command;

use crate::parts::{PROGRAM, Server};

const SCRIPT: &str = include_str!("client.py");

#[test]
fn the_official_python_client_works() {
    let python = std::env::var("EGCFG_OPENAI_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let there = Command::new(&python).args(["-c", "import openai"]).output();
    if !there.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: {python} cannot import openai; set EGCFG_OPENAI_PYTHON");
        return;
    }
    let server = Server::usual();
    let output = Command::new(&python)
        .args(["-c", SCRIPT, &format!("http://{}/v1", server.address), PROGRAM])
        .env_remove("OPENAI_API_KEY")
        .env_remove("OPENAI_BASE_URL")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "ok");
}
