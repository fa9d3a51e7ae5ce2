//! Reference solutions that fail their own data set's tests, task by task, with the reason found by looking at each.

/// Ids without prefix, and why the reference fails.
type Known = &'static [(&'static str, &'static str)];

/// HumanEval-ET: 7 of 164.
pub(super) const HUMANEVAL_ET: Known = &[
    ("2", "compares a computed fraction with ==: 3.452 - 3 is not 0.452"),
    ("38", "asserts use names (encoded_str, str) of a loop that was left out"),
    (
        "39",
        "asks for the 12th prime Fibonacci number, which takes the reference longer than the default time limit",
    ),
    ("44", "asserts use a name (x) of a loop that was left out"),
    ("50", "asserts use names (copy, encoded_str) of a loop that was left out"),
    ("53", "asserts use names (x, y) of a loop that was left out"),
    ("151", "asserts use names (lst, odd_sum) of a loop that was left out"),
];

/// MBPP-ET: 24 of 500.
pub(super) const MBPP_ET: Known = &[];

/// MBPP+: 1 of 378.
pub(super) const MBPP_PLUS: Known = &[(
    "255",
    "for one input the reference returns 1.7 million tuples of 77 items, which do not fit into the memory limit",
)];

/// What a task of DS-1000 asks for that a sandbox does not give.
const NETWORK: &str = "downloads a table while it runs, and the sandbox has no network";
const MAPS: &str =
    "a library reads /proc/self/maps to find its own thread pools, and the sandbox does not show that file";

/// DS-1000, on an interpreter with all libraries that a task needs: limits of the sandbox, not faults of the data.
pub(super) const DS1000: Known = &[
    ("519", NETWORK),
    ("539", NETWORK),
    ("565", NETWORK),
    ("566", NETWORK),
    ("567", NETWORK),
    ("577", NETWORK),
    ("598", NETWORK),
    ("624", NETWORK),
    ("629", NETWORK),
    ("650", NETWORK),
    ("654", NETWORK),
    ("655", NETWORK),
    ("656", NETWORK),
    ("661", NETWORK),
    ("819", NETWORK),
    ("862", MAPS),
    ("863", MAPS),
    ("864", MAPS),
    ("865", MAPS),
    ("897", MAPS),
    ("898", MAPS),
];
