//! The same on a bucket of an S3-compatible server: moto in a process of its own, one request at a time, so that its conditional put
//! is atomic. Where no Python has moto, the tests say so and skip; `EGCFG_TEST_MOTO` names an interpreter that has it.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use object_store::aws::AmazonS3Builder;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};

use crate::agents::{UNITS, eight_agents_of_which_three_die, nothing_was_published_twice};
use crate::world::{World, results, until};

const SERVER: &str = "
import io, os, sys, threading
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server
inner, turn = DomainDispatcherApplication(create_backend_app), threading.Lock()
def app(environ, start):
    # The whole request first: a client that is stopped in the middle of one must not hold up the others.
    environ['wsgi.input'] = io.BytesIO(environ['wsgi.input'].read(int(environ.get('CONTENT_LENGTH') or 0)))
    with turn:
        return list(inner(environ, start))
server = make_server('127.0.0.1', 0, app, threaded=True)
print(server.server_port, flush=True)
# The server ends with the test that holds its standard input.
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
server.serve_forever()
";

struct Server {
    child: Child,
    endpoint: String,
}

impl Server {
    fn start() -> Option<Self> {
        let python = std::env::var("EGCFG_TEST_MOTO").unwrap_or_else(|_| "python3".into());
        let mut child = Command::new(&python)
            .args(["-W", "ignore", "-c", SERVER])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let Ok(port) = line.trim().parse::<u16>() else {
            let _ = (child.kill(), child.wait());
            eprintln!("skipped: {python} has no moto; EGCFG_TEST_MOTO names a Python that has it");
            return None;
        };
        Some(Self { child, endpoint: format!("http://127.0.0.1:{port}") })
    }

    fn env(&self) -> Vec<(String, String)> {
        [
            ("AWS_ENDPOINT_URL", self.endpoint.as_str()),
            ("AWS_ACCESS_KEY_ID", "testing"),
            ("AWS_SECRET_ACCESS_KEY", "testing"),
            ("AWS_REGION", "us-east-1"),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .to_vec()
    }

    fn bucket(&self, name: &str) -> impl ObjectStore + use<> {
        AmazonS3Builder::new()
            .with_endpoint(&self.endpoint)
            .with_allow_http(true)
            .with_region("us-east-1")
            .with_access_key_id("testing")
            .with_secret_access_key("testing")
            .with_bucket_name(name)
            .build()
            .unwrap()
    }

    /// Makes a bucket: a put on its address.
    fn make(&self, name: &str) {
        let python = std::env::var("EGCFG_TEST_MOTO").unwrap_or_else(|_| "python3".into());
        let put = "import sys, urllib.request as r; r.urlopen(r.Request(sys.argv[1], method='PUT'))";
        let made =
            Command::new(python).args(["-c", put, &format!("{}/{name}", self.endpoint)]).status().unwrap();
        assert!(made.success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// Keys below the experiment's root.
fn keys(bucket: &impl ObjectStore) -> Vec<String> {
    use futures::TryStreamExt as _;
    const ROOT: &str = "some/where/tasks/scripted/";
    let listed = block_on(bucket.list(None).try_collect::<Vec<_>>()).unwrap();
    let key = |location: &Path| location.to_string().strip_prefix(ROOT).map(str::to_owned);
    let mut keys: Vec<String> = listed.iter().filter_map(|object| key(&object.location)).collect();
    keys.sort();
    keys
}

fn world(server: &Server, bucket: &str, tasks: usize, delay: f64) -> World {
    server.make(bucket);
    let mut world = World::new(tasks, &[], delay);
    world.results = format!("s3://{bucket}/some/where");
    world.env = server.env();
    world
}

#[test]
fn eight_agents_share_a_bucket_and_three_of_them_die() {
    let Some(server) = Server::start() else { return };
    let world = world(&server, "eight", 25, 0.01);
    let bucket = server.bucket("eight");
    let said = eight_agents_of_which_three_die(&world, || results(&keys(&bucket)).len());
    nothing_was_published_twice(&said);
    let keys = keys(&bucket);
    assert_eq!(results(&keys).len(), UNITS);
    assert!(!keys.iter().any(|key| key.starts_with("claims/") || key.ends_with(".part")), "{keys:?}");
    assert_eq!(keys.iter().filter(|key| key.contains("/events/") && key.ends_with(".jsonl")).count(), UNITS);
    for key in results(&keys) {
        let read = async {
            let path = Path::from(format!("some/where/tasks/scripted/{key}"));
            bucket.get(&path).await.unwrap().bytes().await.unwrap()
        };
        let result: serde_json::Value = serde_json::from_slice(&block_on(read)).unwrap();
        assert_eq!(result["passed"], true, "{key}");
    }
    what_reads_results_reads_them_in_a_bucket(&world);
}

/// The rate, the report, the scores: of the whole store and of one model's results.
fn what_reads_results_reads_them_in_a_bucket(world: &World) {
    let whole = world.results.clone();
    let model = format!("{whole}/tasks/scripted");
    for place in [&whole, &model] {
        let ran = world.egcfg(&["report", place, "--format", "json"]);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        let report: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
        let group = &report["groups"][0];
        assert_eq!((&group["dataset"], &group["model"]), (&"tasks".into(), &"scripted".into()));
        let cells = group["rows"].as_array().unwrap().iter().map(|row| row["results"].as_u64().unwrap());
        assert_eq!(cells.sum::<u64>(), UNITS as u64, "{group}");
        let ran = world.egcfg(&["watch", place, "--once"]);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        assert!(ran.stdout.contains(&format!("{UNITS} of {UNITS}")), "{}", ran.stdout);
    }
    // An ended experiment ends the watch.
    assert_eq!(world.egcfg(&["watch", &whole]).code, Some(0));
    let page = world.egcfg(&["report", &whole, "--out", "page.html"]);
    assert_eq!(page.code, Some(0), "{}", page.stderr);
    let page = std::fs::read_to_string(world.folder.path().join("page.html")).unwrap();
    assert!(page.contains("replay"), "event logs come along");
    let scored = ["eval", "--dataset", "tasks", "--data", "tasks.jsonl", "--json", "--samples", &whole];
    let ran = world.egcfg(&scored);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let scores: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((&scores["solved"], &scores["total"]), (&25.into(), &25.into()), "{scores}");
    let missing = world.egcfg(&["report", &format!("{whole}/nothing")]);
    assert!(missing.code == Some(3) && missing.stderr.contains("is empty"), "{}", missing.stderr);
}

#[test]
fn on_a_bucket_too_a_sleeper_publishes_nothing() {
    let Some(server) = Server::start() else { return };
    let world = world(&server, "sleeper", 1, 0.4);
    let bucket = server.bucket("sleeper");
    let plain = ["--method", "plain", "--lease", "1"];
    let sleeper = world.start("sleeper", &plain);
    until("a claim", || keys(&bucket).iter().any(|key| key.starts_with("claims/")));
    sleeper.signal("-STOP");
    let heir = world.run(&plain);
    assert_eq!(heir.code, Some(0), "{}", heir.stderr);
    sleeper.signal("-CONT");
    let slept = sleeper.end();
    assert!(slept.stderr.contains("nothing of it is published here"), "{}", slept.stderr);
    let keys = keys(&bucket);
    assert_eq!(results(&keys), ["plain/task_id=t0_gamma=0.0.json"]);
    assert!(!keys.iter().any(|key| key.starts_with("claims/") || key.ends_with(".part")), "{keys:?}");
}

#[test]
fn a_bucket_that_cannot_be_reached_is_named_with_a_hint() {
    let mut world = World::new(1, &[], 0.0);
    world.results = "s3://nowhere/out".into();
    // Nothing listens at the discard port.
    world.env = [
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:9"),
        ("AWS_ACCESS_KEY_ID", "k"),
        ("AWS_SECRET_ACCESS_KEY", "s"),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .to_vec();
    let ran = world.run(&["--method", "plain"]);
    assert_eq!(ran.code, Some(3), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("error: failed to create s3://nowhere/out/tasks/scripted/experiment.toml"),
        "{}",
        ran.stderr
    );
    assert!(
        ran.stderr.contains("hint: endpoint, region and keys come from AWS_ENDPOINT_URL"),
        "{}",
        ran.stderr
    );
}
