//! `egcfg eval`: scores of programs that something else generated.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::SystemTime;

use egcfg_bench::eval::{
    Conditions, EvalError, Evaluation, SampleError, Samples, Score, Summary, VerdictLog, evalplus_results,
    evaluate, summarize,
};
use egcfg_grade::Grade;

use crate::args::data::EvalArgs;
use crate::exit::{Failure, SANDBOX, SOLVED};
use crate::input::dataset::load;
use crate::input::doubts;
use crate::input::results::Results;
use crate::output::file::write_whole;
use crate::output::meter::{Meter, Steps};
use crate::output::text::{data, note, show};
use crate::parts::{concurrency, needs, start_sandbox};

pub(crate) async fn run(args: EvalArgs) -> Result<ExitCode, Failure> {
    let set = load(&args.data.dataset, &args.data.data, &args.data.options(None))?;
    doubts::refuse_own(&set, args.sandbox.allow_doubtful_tests)?;
    let found = Results::open(&args.samples, false).await?;
    let samples = Samples::read(found.path(), &set, args.extract)?;
    tell_faults(&samples);
    if !samples.foreign.is_empty() {
        let some: Vec<&str> = samples.foreign.iter().take(3).map(String::as_str).collect();
        note(&format!(
            "warning: {} samples are of tasks that are not selected and are left out ({}{})",
            samples.foreign.len(),
            some.join(", "),
            if samples.foreign.len() > some.len() { ", ..." } else { "" }
        ));
    }
    let untested = samples.samples.iter().any(|s| set.items[s.item].task.grading_tests().is_empty());
    if untested {
        return Err(Failure::input(format!("{} holds tasks without tests", args.data.data.display()))
            .hint("choose others with --ids, or take a file that has the tests"));
    }
    let mut log = args.out.as_deref().map(open_log).transpose()?;
    let jobs = concurrency(args.jobs, &args.sandbox);
    let (sandbox, mut options, _) = needs(set.items.iter().map(|item| &item.task), &args.sandbox)?;
    options.workers = jobs;
    let executor = start_sandbox(&sandbox, options.clone()).await?;
    let conditions = Conditions::of(&options, &executor);
    let meter = Meter::new("samples", Steps::Things, samples.samples.len() as u64);
    let told = |done, total| meter.at(done as u64, total as u64);
    let judged = evaluate(&set, &samples, &executor, &mut log, &conditions, jobs, told).await?;
    meter.end();
    if let Some(out) = &args.out {
        tell_kept(&log_path(out), &judged);
    }
    let judged = judged.grades;
    let summary = summarize(&set, &samples, &judged, &args.k);
    if let Some(path) = &args.out {
        let file = evalplus_results(&set, &samples, &judged, &summary, &now());
        write_whole(path, &(file.to_string() + "\n"))?;
    }
    if summary.missing > 0 {
        note(&format!("warning: {} tasks have no sample and are in no score", summary.missing));
    }
    tell_fences(&samples, &judged, args.extract);
    if args.json {
        data(&(serde_json::json!(summary).to_string() + "\n"))?;
    } else {
        show(&table(&summary))?;
    }
    // What is said of one program holds for all that failed by it.
    let failed = summary.tasks.iter().filter_map(|task| task.failed.as_ref()?.error.as_deref());
    let hints = failed.filter_map(|error| error.split_once("(hint: ").map(|(_, hint)| hint));
    if let Some(hint) = hints.map(|hint| hint.trim_end_matches(')')).next() {
        note(&format!("hint: {hint}"));
    }
    if summary.errors > 0 {
        note(&format!(
            "warning: {} samples could not be judged and are in no score; the same command tries them again",
            summary.errors
        ));
        return Ok(ExitCode::from(SANDBOX));
    }
    Ok(ExitCode::from(SOLVED))
}

/// Names the first lines and files that hold no sample.
fn tell_faults(samples: &Samples) {
    const TOLD: usize = 5;
    for fault in samples.faults.iter().take(TOLD) {
        note(&format!("warning: no sample: {fault}"));
    }
    if let Some(more) = samples.faults.len().checked_sub(TOLD).filter(|more| *more > 0) {
        note(&format!(
            "warning: and {more} more lines or files without a sample; none of them is in a score"
        ));
    }
}

/// What was taken from the log and what was not.
fn tell_kept(path: &Path, judged: &Evaluation) {
    let total = judged.grades.len();
    if judged.kept > 0 {
        let anew = total - judged.kept;
        note(&format!("{} verdicts kept from {}, {anew} judged now", judged.kept, path.display()));
    }
    if judged.changed > 0 {
        note(&format!(
            "{} programs of {} were judged again: a setting that verdicts depend on has changed (profile, limits, level, interpreter, packages, version)",
            judged.changed,
            path.display()
        ));
    }
}

/// Chat answers hold the program in a code fence, which is no Python.
fn tell_fences(samples: &Samples, judged: &[Grade], extracted: bool) {
    let fenced = samples.samples.iter().filter(|sample| sample.has_fence()).count();
    if extracted || fenced == 0 || judged.iter().any(Grade::passed) {
        return;
    }
    let total = samples.samples.len();
    note(&format!(
        "warning: no sample passes, and {fenced} of {total} hold a code fence (```), which is not Python"
    ));
    note("hint: --extract takes the program out of such answers");
}

impl From<SampleError> for Failure {
    fn from(error: SampleError) -> Self {
        let failure = Self::input(error.to_string());
        match error {
            SampleError::Fault { .. } => failure
                .hint("samples are {\"task_id\": ..., \"completion\" or \"solution\": ...}, one a line"),
            SampleError::File(error) => match error.hint() {
                Some(hint) => failure.hint(hint),
                None => failure,
            },
            SampleError::NoneFits { .. } => failure,
        }
    }
}

impl From<EvalError> for Failure {
    fn from(error: EvalError) -> Self {
        match error {
            EvalError::Sandbox(error) => error.into(),
            EvalError::Log(_) => Self::input(error.to_string()),
        }
    }
}

/// Where verdicts are kept: beside the results file.
fn log_path(out: &Path) -> PathBuf {
    let mut name = out.file_name().unwrap_or_default().to_owned();
    name.push(".verdicts.jsonl");
    out.with_file_name(name)
}

fn open_log(out: &Path) -> Result<VerdictLog, Failure> {
    let path = log_path(out);
    VerdictLog::open(&path).map_err(|error| match error.hint() {
        Some(hint) => Failure::input(error.to_string()).hint(hint),
        None => Failure::input(error.to_string()),
    })
}

/// Seconds since 1970 as a date, in UTC.
fn now() -> String {
    let seconds = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.as_secs());
    let (days, time) = (seconds / 86_400, seconds % 86_400);
    // Days since 0000-03-01, in years that begin in March (Howard Hinnant's civil calendar).
    let z = days + 719_468;
    let (era, day_of_era) = (z / 146_097, z % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let (day, month) = (day_of_year - (153 * from_march + 2) / 5 + 1, (from_march + 2) % 12 + 1);
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!("{year}-{month:02}-{day:02} {:02}:{:02}", time / 3600, time % 3600 / 60)
}

fn table(summary: &Summary) -> String {
    let mut rows: Vec<(&str, &Score)> = Vec::new();
    match &summary.base {
        Some(base) => rows.extend([("base tests", base), ("base and plus tests", &summary.score)]),
        None => rows.push(("all tasks", &summary.score)),
    }
    if let Some(right) = &summary.without_wrong_tests {
        rows.push(("without wrong tests", right));
    }
    let mut text = format!(
        "{}: {} samples of {} tasks; 95 % bootstrap intervals over tasks\n\n",
        summary.dataset, summary.samples, summary.score.total
    );
    let ks: BTreeSet<usize> = rows.iter().flat_map(|(_, score)| score.pass_at_k.keys().copied()).collect();
    let _ = write!(text, "| tests | solved | of |");
    for k in &ks {
        let _ = write!(text, " pass@{k} |");
    }
    let _ = writeln!(text, "\n|---|---|---|{}", "---|".repeat(ks.len()));
    for (name, score) in rows {
        let _ = write!(text, "| {name} | {} | {} |", score.solved, score.total);
        for k in &ks {
            let cell = score.pass_at_k.get(k).map_or("-".to_owned(), |i| {
                format!("{:.1} ({:.1} to {:.1})", 100.0 * i.value, 100.0 * i.low, 100.0 * i.high)
            });
            let _ = write!(text, " {cell} |");
        }
        text.push('\n');
    }
    if summary.invalid > 0 {
        let _ = writeln!(
            text,
            "\n{} samples met a test that cannot run; they count as not passing, though no program is to blame",
            summary.invalid
        );
    }
    if summary.unproven > 0 {
        let _ = writeln!(
            text,
            "\n{} passing samples are unproven: their verdict rests on the program's own process",
            summary.unproven
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::now;

    #[test]
    fn the_date_is_the_systems() {
        let date = || {
            let output = std::process::Command::new("date").args(["-u", "+%Y-%m-%d %H:%M"]).output().unwrap();
            String::from_utf8(output.stdout).unwrap().trim().to_owned()
        };
        // The minute may turn between the two.
        let (before, ours, after) = (date(), now(), date());
        assert!(ours == before || ours == after, "{before} {ours} {after}");
    }
}
