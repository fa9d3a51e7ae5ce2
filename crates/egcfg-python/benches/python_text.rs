//! What the questions about a text cost: `cargo bench -p egcfg-python`.
//!
//! Prints the median and the slowest tenth in microseconds for a program of 20 lines, for the same program cut off, and
//! for long and broken texts. Goal: under 100 microseconds for each question about 20 lines.

#![allow(clippy::print_stdout)]

use std::hint::black_box;
use std::time::Instant;

use egcfg_python::{PythonVersion, check, executable_form, extract_program, normal_form, split_assert};

const PROGRAM: &str = r#"def largest_gap(numbers, limit=10):
    """Finds the largest gap between neighbours, up to a limit.

    Returns 0 for short lists.
    """
    if len(numbers) < 2:
        return 0
    best = 0
    ordered = sorted(numbers)  # neighbours by value
    for index in range(1, len(ordered)):
        gap = ordered[index] - ordered[index - 1]
        if gap > best:
            best = gap
        elif gap == best and best > limit:
            # seen before
            break
    names = {"gap": best, "limit": limit}
    text = f"{names['gap']:>4} of {limit!r}"
    print([x * 2 for x in ordered if x % 2 == 0], text)
    return min(best, limit)
"#;

fn measure<R>(name: &str, rounds: usize, mut work: impl FnMut() -> R) {
    let mut times: Vec<f64> = (0..rounds)
        .map(|_| {
            let start = Instant::now();
            drop(black_box(work()));
            start.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    times.sort_by(f64::total_cmp);
    println!("{name:<44} median {:>10.1} us   p90 {:>10.1} us", times[rounds / 2], times[rounds * 9 / 10]);
}

fn main() {
    let version = PythonVersion::default();
    let cut: String = PROGRAM.split_inclusive('\n').take(13).collect::<String>() + "        elif gap ==";
    let long: String = (0..20).map(|copy| PROGRAM.replace("largest_gap", &format!("gap_{copy}"))).collect();
    let broken_first = format!("def f(:\n{long}");
    let broken_scope = format!("return 1\n{long}");
    let open_try = format!("try:\n{}", long.replace('\n', "\n    "));
    let answer = format!("<think>hm</think>\nHere:\n```python\n{PROGRAM}```\nDone.");

    measure("check, 20 lines", 2_000, || check(PROGRAM, version));
    measure("executable_form, 20 lines", 2_000, || executable_form(PROGRAM, version));
    measure("normal_form, 20 lines", 2_000, || normal_form(PROGRAM, version));
    measure("executable_form, cut off in line 14", 2_000, || executable_form(&cut, version));
    measure("split_assert", 2_000, || split_assert("assert f([1, 2]) == [3], 'no'", None));
    measure("extract_program, 20 lines in a fence", 2_000, || extract_program(&answer, Some("largest_gap")));
    measure("check, 400 lines", 100, || check(&long, version));
    measure("executable_form, 400 lines, fault in line 1", 100, || executable_form(&broken_first, version));
    measure("executable_form, 400 lines, return in line 1", 100, || executable_form(&broken_scope, version));
    measure("executable_form, 400 lines in an open try", 100, || executable_form(&open_try, version));
}
