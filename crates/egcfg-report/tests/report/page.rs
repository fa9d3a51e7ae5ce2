//! The page's markup: nothing of the network, nothing that hostile text can break out of.

use std::path::Path;

use egcfg_report::{Report, html};
use egcfg_results::read::{Filter, Folder};
use serde_json::json;

use crate::experiment;
use crate::hand::{put, result};

pub(crate) const ATTACK: &str =
    "</script><script>window.broken = 1</script><!--<img src=x onerror=\"window.broken=1\">'\"&";

/// Puts text that would like to be markup wherever text can be.
pub(crate) fn hostile(results: &Path) {
    let mut value = result(false, false, 10);
    value["code"] = json!(format!("def f(x):\n    return '{ATTACK}'\n"));
    value["results"] = json!({ATTACK: {"result": false, "time": 0.0, "error": ATTACK}});
    value["egcfg"]["task"] = json!(ATTACK);
    let folder = "<img src=x onerror=window.broken=1>";
    put(results, "<b>data", folder, "evil", 1.0, &value);
    let log = [
        json!({"event": "start", "version": 2, "task": ATTACK, "model": ATTACK, "config": ATTACK, "gamma": 1.0, "retry": 0, "seed": 0, "prompt_tokens": 1}),
        json!({"event": "refresh", "index": 0, "position": 0, "line": 0}),
        json!({"event": "candidates", "guided": false, "usage": {"computed": 0, "cached": 0}, "candidates": [
            {"id": 0, "text": ATTACK, "finished": true, "new_tokens": 1, "reused_tokens": 0, "distinct": true}]}),
        json!({"event": "executions", "seconds": 0.0, "runs": [{"id": 0, "program": ATTACK, "cached": false, "from_memory": false,
            "results": [{"verdict": {"kind": "exception", "exception": ATTACK}, "seconds": 0.0, "error": ATTACK, "got": ATTACK}]}]}),
        json!({"event": "signal", "entries": 1, "tokens": 1, "omitted_lines": 0, "text": ATTACK}),
        json!({"event": "token", "index": 0, "id": 1, "text": ATTACK, "plain": -1.0, "guided": -0.5, "instead_of": ATTACK,
            "heads": [{"text": ATTACK, "plain": -1.0, "guided": -0.5, "blended": -0.5}]}),
        json!({"event": "warning", "message": ATTACK}),
        json!({"event": "stopped", "reason": "length", "tokens": 1, "program": ATTACK}),
    ];
    let events = results.join("<b>data/m").join(folder).join("events");
    std::fs::create_dir_all(&events).unwrap();
    let lines: Vec<String> = log.iter().map(|line| format!("{line}\n")).collect();
    std::fs::write(events.join("task_id=evil_gamma=1.0.jsonl"), lines.concat()).unwrap();
}

pub(crate) fn page(results: &Path) -> html::Page {
    let folder = Folder::read(results, &Filter::default()).unwrap();
    html::render(&folder, &Report::new(&folder, None, &[]), html::Options::default())
}

#[test]
fn the_page_needs_no_network_and_holds_every_replay() {
    let folder = tempfile::tempdir().unwrap();
    experiment::write(folder.path(), 4);
    let page = page(folder.path());
    assert_eq!((page.replays, page.left_out), (4 * 10, 0));
    for address in ["http:", "https:", "//", "url(", "@import"] {
        let markup = page.html.split("<script type=").next().unwrap();
        assert!(!markup.contains(address), "{address}");
    }
    assert!(page.html.contains("default-src 'none'") && !page.html.contains("unsafe-eval"));
    // All but the replays is said without a script.
    for part in
        ["4 tasks", "Solved by configuration", "Gamma by temperature", "Accuracy over tokens", "<caption"]
    {
        assert!(page.html.contains(part), "{part}");
    }
}

#[test]
fn hostile_text_stays_text() {
    let folder = tempfile::tempdir().unwrap();
    hostile(folder.path());
    let html = page(folder.path()).html;
    // Blocks: the index, the replay, the task; then our script.
    assert_eq!(html.matches("<script").count(), 4);
    assert_eq!(html.matches("</script").count(), 4);
    assert!(!html.contains("<!--") && !html.contains("<img") && !html.contains("<b>data"));
    assert!(html.contains("&lt;/script&gt;&lt;script&gt;window.broken"));
}

#[test]
fn what_does_not_fit_is_left_out_and_said() {
    let folder = tempfile::tempdir().unwrap();
    experiment::write(folder.path(), 3);
    let read = Folder::read(folder.path(), &Filter::default()).unwrap();
    let report = Report::new(&read, None, &[]);
    let page = html::render(&read, &report, html::Options { replay_bytes: 8000 });
    assert!(
        page.replays > 0 && page.left_out > 0 && page.replays + page.left_out == 30,
        "{} {}",
        page.replays,
        page.left_out
    );
    assert!(page.html.contains(&format!("{} event logs did not fit", page.left_out)));
}
