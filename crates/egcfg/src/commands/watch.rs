//! `egcfg watch`: results while agents write them. On a terminal a dashboard, elsewhere plain lines.

use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use egcfg_report::watch::{Screen, Snapshot, Watcher, Wish, lines};
use egcfg_results::read::Filter;

use crate::args::report::WatchArgs;
use crate::exit::{Failure, SOLVED};
use crate::input::results::Results;
use crate::output::text::show;

/// How often keys are looked at.
const KEYS: Duration = Duration::from_millis(100);

pub(crate) async fn run(args: WatchArgs) -> Result<ExitCode, Failure> {
    let results = Results::open(&args.results, false).await?;
    let mut watcher = Watcher::new(results.path(), Filter::from(&args.which));
    let first = watcher.look()?;
    if args.once {
        show(&lines::table(&first))?;
    } else if std::io::stdout().is_terminal() && std::io::stdin().is_terminal() {
        let interval = args.interval.unwrap_or(Duration::from_secs(2));
        let _copy = results.follow(interval);
        dashboard(watcher, first, interval).await?;
    } else {
        let interval = args.interval.unwrap_or(Duration::from_secs(10));
        let _copy = results.follow(interval);
        follow(watcher, first, interval).await?;
    }
    Ok(ExitCode::from(SOLVED))
}

/// A line whenever something changed, until everything is done.
async fn follow(mut watcher: Watcher, mut snapshot: Snapshot, interval: Duration) -> Result<(), Failure> {
    let mut before = String::new();
    loop {
        let text = lines::line(&snapshot);
        if text != before {
            show(&text)?;
            before = text;
        }
        if snapshot.finished() {
            return Ok(());
        }
        tokio::time::sleep(interval).await;
        let look = tokio::task::spawn_blocking(move || {
            let snapshot = watcher.look();
            (watcher, snapshot)
        });
        let (same, next) = look.await.map_err(|error| Failure::input(format!("failed to look: {error}")))?;
        watcher = same;
        snapshot = next?;
    }
}

/// Shares the screen with the thread that draws, so that an interrupt can take it away between two drawings.
struct Shared {
    screen: Mutex<Option<Screen>>,
    over: AtomicBool,
}

impl Shared {
    fn close(&self) {
        self.over.store(true, Ordering::Relaxed);
        self.screen.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

/// Gives the terminal back when the future is dropped by a signal.
struct Guard(Arc<Shared>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.close();
    }
}

async fn dashboard(watcher: Watcher, first: Snapshot, interval: Duration) -> Result<(), Failure> {
    let screen = Screen::open(std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()))?;
    let shared = Arc::new(Shared { screen: Mutex::new(Some(screen)), over: AtomicBool::new(false) });
    let guard = Guard(Arc::clone(&shared));
    let drawing = tokio::task::spawn_blocking(move || draw(&shared, watcher, first, interval));
    let drawn = drawing.await.map_err(|error| Failure::input(format!("failed to draw: {error}")));
    drop(guard);
    drawn?
}

fn draw(
    shared: &Shared,
    mut watcher: Watcher,
    mut snapshot: Snapshot,
    interval: Duration,
) -> Result<(), Failure> {
    let mut looked = Instant::now();
    let mut stale = true;
    while !shared.over.load(Ordering::Relaxed) {
        if looked.elapsed() >= interval {
            snapshot = watcher.look()?;
            looked = Instant::now();
            stale = true;
        }
        let mut screen = shared.screen.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(screen) = screen.as_mut() else { break };
        if stale {
            screen.draw(&snapshot)?;
        }
        match screen.wish(KEYS)? {
            Wish::Quit => break,
            wish => stale = wish == Wish::Redraw,
        }
    }
    Ok(())
}
