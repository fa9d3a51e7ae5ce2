//! The names of all messages, one letter each. The driver spells them out where it sends and meets them; a test below holds
//! its sources against this table, so that neither side can learn a letter that the other does not know.

/// What a candidate is asked.
pub(crate) mod ask {
    /// Load this program.
    pub(crate) const LOAD: u8 = b'P';
    /// What are these names in it?
    pub(crate) const NAMES: u8 = b'N';
    /// Call something of it.
    pub(crate) const CALL: u8 = b'C';
    /// Run this test beside the program.
    pub(crate) const BESIDE: u8 = b'U';
    /// Trace this expression.
    pub(crate) const TRACE: u8 = b'R';
    /// Take this for standard input.
    pub(crate) const STDIN: u8 = b'I';
    /// Run as a script.
    pub(crate) const RUN: u8 = b'X';
}

/// What a candidate answers.
pub(crate) mod answer {
    /// Confined, and ready: what every child says first.
    pub(crate) const READY: u8 = b'G';
    /// Not done, for a reason that is no program's: not confined, no room for the standard input.
    pub(crate) const NOT_DONE: u8 = b'H';
    /// Loaded; and what the entry point is.
    pub(crate) const LOADED: u8 = b'L';
    /// The program does not compile.
    pub(crate) const SYNTAX: u8 = b'S';
    /// What the names are.
    pub(crate) const NAMES: u8 = b'N';
    /// A call's value.
    pub(crate) const VALUE: u8 = b'V';
    /// An exception.
    pub(crate) const RAISED: u8 = b'E';
    /// The program ended itself.
    pub(crate) const EXITED: u8 = b'Q';
    /// A test beside the program held, or an expression was traced.
    pub(crate) const HELD: u8 = b'O';
    /// A test beside the program did not hold.
    pub(crate) const FAILED: u8 = b'F';
    /// The standard input is in place.
    pub(crate) const STDIN: u8 = b'I';
    /// The script has run to its end.
    pub(crate) const ENDED: u8 = b'D';
}

/// What a comparer is told; besides, what a candidate answers to the comparer's questions is passed on under its own letter.
pub(crate) mod tell {
    /// These are the entry point and the setup code of the next program.
    pub(crate) const BEGIN: u8 = b'B';
    /// Run this test.
    pub(crate) const TEST: u8 = b'J';
    /// The test is settled already.
    pub(crate) const OVER: u8 = b'K';
}

/// What a comparer asks for, and says.
pub(crate) mod want {
    /// Is the program loaded, and what is its entry point?
    pub(crate) const PROGRAM: u8 = b'L';
    /// What are these names in the program?
    pub(crate) const NAMES: u8 = b'N';
    /// Call something of the program.
    pub(crate) const CALL: u8 = b'C';
    /// What came of a test.
    pub(crate) const OUTCOME: u8 = b'O';
}

/// The packets between the supervisor and a warm interpreter.
pub(crate) mod warm {
    /// Fork a child.
    pub(crate) const FORK: u8 = b'F';
    /// Later children refuse to run unless these steps succeed. Answered by itself.
    pub(crate) const EXPECT: u8 = b'X';
    /// Reap these children.
    pub(crate) const REAP: u8 = b'R';
    /// The child's number.
    pub(crate) const FORKED: u8 = b'P';
    /// How the children ended.
    pub(crate) const REAPED: u8 = b'S';
    /// Why there is no child.
    pub(crate) const REFUSED: u8 = b'E';
}

/// What the probe of the protections found.
pub(crate) const FOUND: u8 = b'B';

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{FOUND, answer, ask, tell, want, warm};

    /// The letters that stand right behind one of these beginnings, as bytes of Python: `b"X"`.
    fn letters(source: &str, beginnings: &[&str]) -> BTreeSet<char> {
        let mut found = BTreeSet::new();
        for beginning in beginnings {
            for (at, _) in source.match_indices(beginning) {
                let rest = source[at + beginning.len()..].strip_prefix("b\"");
                let mut rest = rest.unwrap_or_default().chars();
                if let (Some(letter @ 'A'..='Z'), Some('"')) = (rest.next(), rest.next()) {
                    found.insert(letter);
                }
            }
        }
        found
    }

    fn set(bytes: &[u8]) -> BTreeSet<char> {
        bytes.iter().map(|byte| char::from(*byte)).collect()
    }

    #[test]
    fn both_sides_know_the_same_letters() {
        let candidate = include_str!("../python/candidate.py");
        let comparer = include_str!("../python/comparer.py");
        let zygote = include_str!("../python/zygote.py");
        let said = letters(candidate, &["self.reply(", "send(fd, "]);
        let answers = [
            answer::READY,
            answer::NOT_DONE,
            answer::LOADED,
            answer::SYNTAX,
            answer::NAMES,
            answer::VALUE,
            answer::RAISED,
            answer::EXITED,
            answer::HELD,
            answer::FAILED,
            answer::STDIN,
            answer::ENDED,
        ];
        assert_eq!(said, set(&answers), "what the candidate answers");
        // Its methods carry the letters.
        let methods: BTreeSet<char> = candidate
            .match_indices("    def ")
            .filter_map(|(at, found)| {
                let mut name = candidate[at + found.len()..].chars();
                name.next().filter(|letter| letter.is_ascii_uppercase() && name.next() == Some('('))
            })
            .collect();
        let asked = [ask::LOAD, ask::NAMES, ask::CALL, ask::BESIDE, ask::TRACE, ask::STDIN, ask::RUN];
        assert_eq!(methods, set(&asked), "what the candidate is asked");
        let wanted = letters(comparer, &["self.ask(", "send(fd, "]);
        let wants = [want::PROGRAM, want::NAMES, want::CALL, want::OUTCOME, answer::READY];
        assert_eq!(wanted, set(&wants), "what the comparer says");
        let told = letters(comparer, &["kind == "]);
        assert_eq!(told, set(&[tell::BEGIN, tell::TEST, tell::OVER]), "what the comparer is told");
        let passed_on = letters(comparer, &["answer == "]);
        assert!(passed_on.is_subset(&set(&answers)), "{passed_on:?}");
        let packets = letters(zygote, &["command == ", "control.send(", "return "]);
        let all = [warm::FORK, warm::EXPECT, warm::REAP, warm::FORKED, warm::REAPED, warm::REFUSED];
        assert_eq!(packets, set(&all), "the packets of the warm interpreter");
        let probed = letters(zygote, &["candidate.send(PROTOCOL, "]);
        assert_eq!(probed, set(&[FOUND, answer::NOT_DONE]), "what a child says that is no candidate yet");
    }
}
