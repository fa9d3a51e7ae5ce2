//! A browser under remote control: chromedriver and headless Chromium, where they are installed.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

/// A session. Dropping it ends the browser, then its driver.
pub(crate) struct Browser {
    driver: Child,
    address: String,
    agent: ureq::Agent,
    /// Kept until the browser has ended.
    profile: tempfile::TempDir,
}

fn program(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    names.iter().find_map(|name| {
        std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
    })
}

impl Browser {
    /// Starts one; `None`, saying so, where there is none.
    pub(crate) fn start() -> Option<Self> {
        let (Some(chromium), Some(chromedriver)) =
            (program(&["chromium", "chromium-browser", "google-chrome"]), program(&["chromedriver"]))
        else {
            eprintln!(
                "skipped: there is no chromium with chromedriver on PATH (Debian: chromium, chromium-driver)"
            );
            return None;
        };
        let mut driver = Command::new(chromedriver)
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(driver.stdout.take().unwrap());
        let port = loop {
            let mut line = String::new();
            assert!(said.read_line(&mut line).unwrap() > 0, "chromedriver said no port");
            if let Some((_, rest)) = line.split_once("successfully on port ") {
                break rest.trim().trim_end_matches('.').to_owned();
            }
        };
        // What it says later must not fill the pipe.
        std::thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()));
        let profile = tempfile::tempdir().unwrap();
        let config = ureq::Agent::config_builder().timeout_global(Some(Duration::from_secs(120))).build();
        let mut browser = Self {
            driver,
            address: format!("http://127.0.0.1:{port}/session"),
            agent: config.into(),
            profile,
        };
        let arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            "--force-color-profile=srgb",
        ];
        let mut arguments: Vec<String> = arguments.map(str::to_owned).to_vec();
        arguments.push(format!("--user-data-dir={}", browser.profile.path().display()));
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "goog:chromeOptions": {"binary": chromium, "args": arguments}, "goog:loggingPrefs": {"browser": "ALL"}}}});
        let address = browser.address.clone();
        let session = browser.post(&address, &wanted);
        browser.address = format!("{}/{}", browser.address, session["sessionId"].as_str().unwrap());
        Some(browser)
    }

    fn post(&self, address: &str, body: &Value) -> Value {
        let reply: Value = self.agent.post(address).send_json(body).unwrap().body_mut().read_json().unwrap();
        reply["value"].clone()
    }

    fn command(&self, name: &str, body: &Value) -> Value {
        self.post(&format!("{}/{name}", self.address), body)
    }

    /// A command of the browser's own protocol.
    pub(crate) fn protocol(&self, name: &str, parameters: &Value) -> Value {
        self.command("goog/cdp/execute", &json!({"cmd": name, "params": parameters}))
    }

    pub(crate) fn open(&self, address: &str) {
        self.command("url", &json!({"url": address}));
    }

    /// Runs a script (the body of a function) and gives its value; promises are awaited.
    pub(crate) fn run(&self, script: &str) -> Value {
        self.command("execute/sync", &json!({"script": script, "args": []}))
    }

    /// Waits until a script gives true.
    pub(crate) fn wait(&self, script: &str) {
        for _ in 0..200 {
            if self.run(script) == json!(true) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!(
            "never true: {script}; the page says {}",
            self.run("return document.body.innerText.slice(0, 2000)")
        );
    }

    /// Presses a key on whatever has the focus.
    pub(crate) fn press(&self, key: &str) {
        let code = match key {
            "ArrowLeft" => "\u{e012}",
            "ArrowRight" => "\u{e014}",
            "Home" => "\u{e011}",
            "End" => "\u{e010}",
            "Tab" => "\u{e004}",
            "Enter" => "\u{e007}",
            other => other,
        };
        let keys = json!([{"type": "keyDown", "value": code}, {"type": "keyUp", "value": code}]);
        self.command("actions", &json!({"actions": [{"type": "key", "id": "keys", "actions": keys}]}));
    }

    /// Clicks the first element of a selector, as a person would.
    pub(crate) fn click(&self, selector: &str) {
        let found = self.command("element", &json!({"using": "css selector", "value": selector}));
        let id = found.as_object().unwrap().values().next().unwrap().as_str().unwrap().to_owned();
        self.command(&format!("element/{id}/click"), &json!({}));
    }

    /// What the browser complained about since the last time.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let log = self.command("se/log", &json!({"type": "browser"}));
        let entries = log.as_array().cloned().unwrap_or_default();
        entries
            .iter()
            .filter(|entry| entry["level"] != "INFO" && entry["level"] != "DEBUG")
            .map(ToString::to_string)
            .collect()
    }

    /// A window of this width, light or dark.
    pub(crate) fn window(&self, width: u32, height: u32, scheme: &str) {
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.protocol("Emulation.setDeviceMetricsOverride", &size);
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        self.protocol("Emulation.setEmulatedMedia", &json!({"features": features}));
    }

    /// The whole page as a picture.
    pub(crate) fn picture(&self, file: &Path) {
        use base64::Engine as _;
        let shot =
            self.protocol("Page.captureScreenshot", &json!({"format": "png", "captureBeyondViewport": true}));
        let bytes = base64::engine::general_purpose::STANDARD.decode(shot["data"].as_str().unwrap()).unwrap();
        std::fs::write(file, bytes).unwrap();
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.agent.delete(&self.address).call();
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
