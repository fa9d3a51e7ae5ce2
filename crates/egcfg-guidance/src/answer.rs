//! Which program was the answer, and since when: what a curve of tasks solved over tokens spent is read from.

/// A program that was the answer from some number of generated tokens on, until the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// Generated tokens of the task when it became the answer.
    pub tokens: usize,
    /// Its number among the attempts.
    pub attempt: usize,
}
