//! One self-contained HTML file: no network, no foreign script, font or picture. The overview is plain markup; the replays are
//! data that a small script unpacks when a task is opened. A content security policy allows that one script by its hash and
//! nothing else, so that even text which broke out of its place could run nothing.

mod embed;
mod matrix;
mod overview;
mod plots;
mod tasks;

use base64::Engine as _;
use egcfg_results::read::Folder;
use sha2::{Digest as _, Sha256};

use crate::report::Report;
use embed::{Blocks, escape, fragment};

const CSS: [&str; 3] = [include_str!("base.css"), include_str!("overview.css"), include_str!("task.css")];
const JS: [&str; 5] = [
    include_str!("app.js"),
    include_str!("overview.js"),
    include_str!("task.js"),
    include_str!("beside.js"),
    include_str!("step.js"),
];
const TASK: &str = include_str!("page.html");

/// How large the page may become.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Bytes of replays, as embedded; what does not fit is left out and counted.
    pub replay_bytes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { replay_bytes: 32 << 20 }
    }
}

/// The page.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// Its text.
    pub html: String,
    /// Replays in it.
    pub replays: usize,
    /// Event logs that did not fit.
    pub left_out: usize,
}

/// Writes the page.
pub fn render(folder: &Folder, report: &Report, options: Options) -> Page {
    let mut blocks = Blocks::default();
    let tasks = tasks::collect(folder, report, options.replay_bytes, &mut blocks);
    let pairs = || folder.groups.iter().zip(&report.groups).enumerate();
    let name = |group: &crate::GroupReport| format!("{} / {}", group.dataset, group.model);
    let title = match report.groups.as_slice() {
        [only] => name(only),
        many => format!("{} experiments", many.len()),
    };
    let nav: String = if report.groups.len() < 2 {
        String::new()
    } else {
        let links = report.groups.iter().enumerate();
        let links = links.map(|(i, group)| format!("<a href=\"#group-{i}\">{}</a> ", escape(&name(group))));
        format!("<nav aria-label=\"Experiments\">{}</nav>", links.collect::<String>())
    };
    let overview: String = pairs().map(|(place, (group, own))| overview::render(group, own, place)).collect();
    let left_out = if tasks.left_out > 0 {
        format!(" {} event logs did not fit into this file.", tasks.left_out)
    } else {
        String::new()
    };
    let script = format!("(() => {{\n\"use strict\";\n{}}})();", JS.join("\n"));
    let hash = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(script.as_bytes()));
    let html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
         <link rel=\"icon\" href=\"data:,\">\n<title>{title} · egcfg report</title>\n<style>\n{css}</style>\n</head>\n\
         <body data-title=\"{title} · egcfg report\">\n<a class=\"skip\" href=\"#main\">Skip to content</a>\n\
         <header class=\"top\"><p>egcfg report</p>{nav}</header>\n<main id=\"main\" tabindex=\"-1\">\n\
         <noscript><p>The replays need a script; the numbers and plots below do not.</p></noscript>\n\
         <div id=\"overview\">\n{overview}</div>\n{TASK}</main>\n\
         <footer>Written by egcfg {version}. {replays} replays are in this file.{left_out}</footer>\n\
         {data}<script>{script}</script>\n</body>\n</html>\n",
        title = escape(&title),
        css = CSS.concat(),
        version = env!("CARGO_PKG_VERSION"),
        replays = tasks.replays,
        data = blocks.render(&tasks.index),
    );
    Page { html, replays: tasks.replays, left_out: tasks.left_out }
}

/// The fragment that opens a task in the page, for links from elsewhere.
pub fn task_fragment(dataset: &str, model: &str, task: &str) -> String {
    format!("#/{}/{}/{}", fragment(dataset), fragment(model), fragment(task))
}
