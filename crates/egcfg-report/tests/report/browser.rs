//! The page in a real browser: controls, keys, deep links, labels, contrast, narrow and wide, light and dark.

use std::path::Path;

use serde_json::{Value, json};

use crate::driver::Browser;
use crate::experiment::{self, CONFIGURATIONS};
use crate::page::{hostile, page};

/// Letters and what is behind them must differ enough (WCAG AA); gives the places where they do not.
const CONTRAST: &str = r#"
const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
const rgba = (colour) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); return [...canvas.getImageData(0, 0, 1, 1).data]; };
const light = ([r, g, b]) => [r, g, b].map((v) => v / 255).map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)).reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
const behind = (node) => { for (; node; node = node.parentElement) { const c = rgba(getComputedStyle(node).backgroundColor); if (c[3] > 250) return c; } return rgba("canvas"); };
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
const bad = [];
while (walker.nextNode()) {
  const node = walker.currentNode.parentElement;
  if (!walker.currentNode.data.trim() || node.closest("script, style, noscript, option, svg, .vh, .skip, :disabled") || !node.getClientRects().length) continue;
  const [a, b] = [light(rgba(getComputedStyle(node).color)), light(behind(node))].sort((x, y) => y - x);
  if ((a + 0.05) / (b + 0.05) < 4.5) bad.push(`${node.tagName}.${node.className}: ${walker.currentNode.data.trim().slice(0, 40)} ${((a + 0.05) / (b + 0.05)).toFixed(2)}`);
}
return bad;"#;

/// Nothing sticks out to the side.
const OVERFLOW: &str = "const wide = document.documentElement.clientWidth; return document.documentElement.scrollWidth <= wide ? [] : \
    [...document.querySelectorAll('main *')].filter((node) => !node.closest('.scroll, .vh, pre') && node.getBoundingClientRect().right > wide + 1).map((node) => node.outerHTML.slice(0, 120)).concat('page')";

const STEP: &str = "return document.getElementById('at').textContent";

fn opened(browser: &Browser, file: &Path, fragment: &str) {
    // A new document each time, not a jump within one.
    browser.open("about:blank");
    browser.open(&format!("file://{}{fragment}", file.display()));
}

fn task(id: &str, query: &str) -> String {
    egcfg_report::html::task_fragment("mbpp", "scripted_adder", id) + query
}

fn is_empty(browser: &Browser, script: &str, about: &str) {
    let found = browser.run(script);
    assert_eq!(found, json!([]), "{about}");
}

/// Controls without a name in the accessibility tree.
fn nameless(browser: &Browser) -> Vec<String> {
    let tree = browser.protocol("Accessibility.getFullAXTree", &json!({}));
    let named = [
        "button",
        "link",
        "combobox",
        "slider",
        "searchbox",
        "textbox",
        "region",
        "navigation",
        "article",
        "group",
        "table",
        "heading",
    ];
    let nodes = tree["nodes"].as_array().unwrap();
    let is = |node: &&Value| {
        node["ignored"] == json!(false) && named.contains(&node["role"]["value"].as_str().unwrap_or(""))
    };
    let found: Vec<&Value> = nodes.iter().filter(is).collect();
    assert!(found.len() > 10, "{}", found.len());
    // A group without a name is how a details element is reported.
    let empty = |node: &&&Value| {
        node["name"]["value"].as_str().unwrap_or("").trim().is_empty()
            && node["role"]["value"] != "group"
            && node["role"]["value"] != "table"
    };
    found.iter().filter(empty).map(ToString::to_string).collect()
}

#[test]
fn the_page_works_in_a_browser() {
    let Some(browser) = Browser::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    experiment::write(folder.path(), 12);
    let file = folder.path().join("report.html");
    std::fs::write(&file, page(folder.path()).html).unwrap();

    opened(&browser, &file, "");
    browser.wait("return document.querySelectorAll('.tasks a').length === 12");
    assert_eq!(browser.run("return [document.querySelectorAll('main').length, document.documentElement.lang, document.querySelectorAll('svg').length > 3]"), json!([1, "en", true]));
    overview_filters(&browser);
    sorting(&browser);

    // From the list to a task by the keyboard: the heading gets the focus, and Back leads to the list again.
    browser.run("document.querySelector('.tasks a').focus()");
    browser.press("Enter");
    browser
        .wait("return !document.getElementById('task').hidden && document.activeElement.id === 'task-title'");
    browser.run("history.back()");
    browser
        .wait("return document.getElementById('task').hidden && !document.getElementById('overview').hidden");

    controls(&browser, &file);
    looks(&browser, &file);
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

fn overview_filters(browser: &Browser) {
    browser.run("const box = document.querySelector('.filters input'); box.value = '180'; box.dispatchEvent(new Event('input'))");
    assert_eq!(browser.run("return [...document.querySelectorAll('.tasks tbody tr')].filter((row) => !row.hidden).map((row) => row.dataset.id)"), json!(["180"]));
    assert_eq!(browser.run("return document.querySelector('.filters output').textContent"), "1 of 12 tasks");
    browser.run("const box = document.querySelector('.filters input'); box.value = ''; box.dispatchEvent(new Event('input'))");
}

/// A click on a column's title sorts by it, a second one the other way round.
fn sorting(browser: &Browser) {
    let ids = "return [...document.querySelectorAll('.tasks tbody tr')].map((row) => Number(row.dataset.id))";
    let click = "document.querySelector('.tasks thead th .sort').click()";
    browser.run(click);
    let mut expected: Vec<u64> =
        browser.run(ids).as_array().unwrap().iter().map(|id| id.as_u64().unwrap()).collect();
    assert!(expected.is_sorted() && expected.len() == 12, "{expected:?}");
    browser.run(click);
    expected.reverse();
    assert_eq!(browser.run(ids), json!(expected));
    // By the fixed configuration: those that pass come first.
    browser.run("document.querySelectorAll('.tasks thead th .sort')[2].click()");
    let values = browser.run("return [...document.querySelectorAll('.tasks tbody tr')].map((row) => Number(row.cells[2].dataset.v))");
    let values: Vec<f64> = values.as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect();
    assert!(
        values.is_sorted_by(|a, b| a >= b) && values.contains(&1.0) && values.contains(&0.0),
        "{values:?}"
    );
}

/// The prompt, the tests, and the program beside the plain one.
fn task_and_neighbour(browser: &Browser) {
    assert_eq!(
        browser.run("return document.getElementById('card-prompt').textContent"),
        "Work out number 12"
    );
    assert_eq!(browser.run("return document.querySelectorAll('#card-tests .test').length"), 2);
    let said = browser.run("return document.getElementById('beside-said').textContent");
    let marked = browser.run("return [document.querySelectorAll('#diff .add').length, document.querySelectorAll('#diff .del').length]");
    let (said, same) = (said.as_str().unwrap(), marked == json!([0, 0]));
    assert_eq!(said == "Both wrote the same program.", same, "{said} {marked}");
    let kept = "return [...document.querySelectorAll('#diff span')].filter((line) => line.className !== 'del').map((line) => line.textContent.slice(2)).join('').trimEnd() === document.getElementById('final').textContent.trimEnd()";
    assert_eq!(browser.run(kept), true, "what is not removed is the program");
}

fn controls(browser: &Browser, file: &Path) {
    let query = format!("?c={}&g=1", CONFIGURATIONS[0].replace('+', "%2B"));
    opened(browser, file, &task("12", &query));
    browser.wait("return document.querySelectorAll('#code .tok').length > 0");
    task_and_neighbour(browser);
    let steps = browser.run("return Number(document.getElementById('slider').max)").as_u64().unwrap();
    assert!(steps >= 4, "{steps}");
    let at = |step: u64| json!(format!("{step} / {steps}"));
    assert_eq!(browser.run(STEP), at(1));
    for (key, step) in [
        ("ArrowRight", 2),
        ("ArrowRight", 3),
        ("ArrowLeft", 2),
        ("End", steps),
        ("ArrowRight", steps),
        ("Home", 1),
        ("ArrowLeft", 1),
    ] {
        browser.press(key);
        assert_eq!(browser.run(STEP), at(step), "{key}");
    }
    for (button, step) in [("#next", 2), ("#last", steps), ("#back", steps - 1), ("#first", 1)] {
        browser.click(button);
        assert_eq!(browser.run(STEP), at(step), "{button}");
    }
    // The slider has keys of its own.
    browser.run("document.getElementById('slider').focus()");
    browser.press("ArrowRight");
    assert_eq!(browser.run(STEP), at(2));
    let said = browser.run("return document.getElementById('say').textContent");
    assert!(said.as_str().unwrap().starts_with(&format!("Step 2 of {steps}, line ")), "{said}");
    // The candidates of a step, with their verdicts and the signal.
    assert_eq!(browser.run("return [document.querySelectorAll('.cand').length >= 3, document.querySelectorAll('.cand .verdicts li').length >= 2, document.getElementById('signal-text').textContent.includes('### Runs')]"), json!([true, true, true]));
    // The address names the step, and leads back to it.
    let address = browser.run("return location.hash").as_str().unwrap().to_owned();
    assert!(address.ends_with("s=2"), "{address}");
    opened(browser, file, &address);
    browser.wait(&format!("{STEP} === '2 / {steps}'"));
    // A token can be picked; its probabilities are shown.
    browser.click("#code .tok:last-of-type");
    assert_eq!(
        browser.run("return document.querySelector('#code .tok:last-of-type').getAttribute('aria-pressed')"),
        "true"
    );
    let shares = browser
        .run("return [...document.querySelectorAll('#heads tbody tr')].map((row) => row.cells.length)");
    assert!(
        shares.as_array().unwrap().len() >= 2 && shares.as_array().unwrap().iter().all(|cells| *cells == 4),
        "{shares}"
    );
    // Another gamma and another configuration.
    browser.run("const box = document.getElementById('gamma'); box.value = '3'; box.dispatchEvent(new Event('change'))");
    browser.wait("return location.hash.includes('g=3')");
    browser.wait("return document.querySelectorAll('#code .tok').length > 0");
    browser.run("const box = document.getElementById('config'); box.value = 'best_of_t0.7'; box.dispatchEvent(new Event('change'))");
    browser.wait("return location.hash.includes('best_of') && document.getElementById('say').textContent.includes('the generation ended')");
    // Play goes on by itself and ends at the end.
    opened(browser, file, &task("12", &format!("{query}&s={}", steps - 1)));
    browser.wait(&format!("{STEP} === '{} / {steps}'", steps - 1));
    browser.click("#play");
    browser.wait(&format!("{STEP} === '{steps} / {steps}'"));
    browser.wait("return document.getElementById('play').textContent === 'Play'");
}

fn looks(browser: &Browser, file: &Path) {
    let pictures = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let query = format!("?c={}&g=1&s=2", CONFIGURATIONS[0].replace('+', "%2B"));
    for (width, height) in [(380, 800), (1280, 900)] {
        for scheme in ["light", "dark"] {
            browser.window(width, height, scheme);
            for (name, fragment) in [("overview", String::new()), ("task", task("12", &query))] {
                opened(browser, file, &fragment);
                let ready = if name == "task" {
                    "return document.querySelectorAll('#code .tok').length > 0"
                } else {
                    "return !document.getElementById('overview').hidden"
                };
                browser.wait(ready);
                let about = format!("{name}, {width} px, {scheme}");
                is_empty(browser, OVERFLOW, &about);
                is_empty(browser, CONTRAST, &about);
                assert_eq!(nameless(browser), Vec::<String>::new(), "{about}");
                browser.picture(&pictures.join(format!("report-{name}-{width}-{scheme}.png")));
            }
        }
    }
}

#[test]
fn hostile_text_runs_nothing_in_a_browser() {
    let Some(browser) = Browser::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    hostile(folder.path());
    let file = folder.path().join("report.html");
    std::fs::write(&file, page(folder.path()).html).unwrap();
    opened(&browser, &file, "");
    browser.wait("return document.querySelectorAll('.tasks a').length === 1");
    browser.click(".tasks a");
    browser.wait("return document.querySelectorAll('#code .tok').length === 1");
    browser.press("End");
    browser.wait("return document.getElementById('at').textContent === '2 / 2'");
    browser.press("Home");
    assert_eq!(browser.run("return [window.broken === undefined, document.querySelectorAll('img').length, document.querySelector('#signal-text').textContent.includes('<script>')]"), json!([true, 0, true]));
    assert_eq!(browser.complaints(), Vec::<String>::new());
}
