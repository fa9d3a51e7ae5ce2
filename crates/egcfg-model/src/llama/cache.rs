//! The prefix cache: which token sequences have their keys and values in the engine's memory, under which sequence id,
//! and which next-token distributions are remembered along them. Pure bookkeeping over [`Memory`], so that its rules can
//! be tested without a model: what is in use is never changed by others, what is idle is extended in place, forked or,
//! the least recently used first, forgotten.

use std::collections::BTreeMap;

use crate::api::TokenId;
use crate::dist::LogProbs;

/// The engine's key-value memory, by sequence id.
pub(crate) trait Memory {
    /// Makes the empty sequence `to` share the first `len` tokens of `from`; nothing is copied.
    fn fork(&mut self, from: usize, to: usize, len: usize);
    /// Keeps the first `len` tokens of a sequence; 0 removes it.
    fn keep(&mut self, sequence: usize, len: usize);
}

/// One computed sequence.
#[derive(Debug, Default)]
struct Entry {
    tokens: Vec<TokenId>,
    /// Distribution after the first `n` tokens, by n.
    rows: BTreeMap<usize, LogProbs>,
    /// Held by a running request: not to be shortened, extended by another or evicted.
    in_use: bool,
    /// Time of last use.
    touched: u64,
}

/// All computed sequences; the index is the sequence id.
#[derive(Debug)]
pub(crate) struct PrefixCache {
    entries: Vec<Option<Entry>>,
    clock: u64,
    rows: usize,
    rows_limit: usize,
}

/// No sequence id is free and none can be freed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoSequence;

impl PrefixCache {
    /// An empty cache of so many sequences, remembering at most so many distributions.
    pub(crate) fn new(sequences: usize, rows_limit: usize) -> Self {
        Self { entries: (0..sequences).map(|_| None).collect(), clock: 0, rows: 0, rows_limit }
    }

    /// How many leading tokens are computed in some sequence.
    pub(crate) fn common(&self, tokens: &[TokenId]) -> usize {
        self.live().map(|(_, entry)| common_prefix(&entry.tokens, tokens)).max().unwrap_or(0)
    }

    /// A sequence that holds all of these tokens.
    pub(crate) fn holder(&self, tokens: &[TokenId]) -> Option<usize> {
        self.live().find(|(_, entry)| entry.tokens.starts_with(tokens)).map(|(id, _)| id)
    }

    /// The distributions after `tokens[..n]` for every n from `from` to the full length, where remembered.
    pub(crate) fn rows_along(&self, tokens: &[TokenId], from: usize) -> Vec<Option<LogProbs>> {
        let mut found = vec![None; tokens.len() + 1 - from];
        for (_, entry) in self.live().filter(|(_, entry)| !entry.rows.is_empty()) {
            let common = common_prefix(&entry.tokens, tokens);
            if common >= from {
                for (at, row) in entry.rows.range(from..=common) {
                    found[at - from].get_or_insert_with(|| row.clone());
                }
            }
        }
        found
    }

    /// Takes a sequence that holds the first n tokens for the longest n up to `limit`, for the caller to extend: an idle one
    /// whole, else a fork. Returns its id and n. What is remembered of the source stays remembered. The sequences in `spare`
    /// are not evicted for it.
    pub(crate) fn acquire(
        &mut self,
        tokens: &[TokenId],
        limit: usize,
        spare: &[usize],
        memory: &mut impl Memory,
    ) -> Result<(usize, usize), NoSequence> {
        self.clock += 1;
        let mut best: Option<(usize, usize, bool)> = None;
        for (id, entry) in self.live() {
            let common = common_prefix(&entry.tokens, &tokens[..limit]);
            let whole = !entry.in_use && Self::extends_in_place(entry, tokens, common);
            if common > 0 && best.is_none_or(|(_, had, was)| (common, whole) > (had, was)) {
                best = Some((id, common, whole));
            }
        }
        if let Some((id, common, true)) = best {
            if let Some(entry) = self.entries[id].as_mut() {
                entry.in_use = true;
                entry.touched = self.clock;
                if entry.tokens.len() > common {
                    memory.keep(id, common);
                    entry.tokens.truncate(common);
                    self.rows -= entry.rows.split_off(&(common + 1)).len();
                }
            }
            return Ok((id, common));
        }
        let source = best.map(|(id, common, _)| (id, common));
        let mut kept = spare.to_vec();
        kept.extend(source.map(|(id, _)| id));
        let id = self.free_id(&kept, memory)?;
        let mut entry = Entry { in_use: true, touched: self.clock, ..Entry::default() };
        if let Some((from, common)) = source {
            memory.fork(from, id, common);
            entry.tokens.extend_from_slice(&tokens[..common]);
            if let Some(source) = self.entries[from].as_mut() {
                source.touched = self.clock;
                if let Some(row) = source.rows.get(&common) {
                    entry.rows.insert(common, row.clone());
                    self.rows += 1;
                }
            }
        }
        self.entries[id] = Some(entry);
        Ok((id, source.map_or(0, |(_, common)| common)))
    }

    /// Another sequence with the first `len` tokens of one that the caller holds.
    pub(crate) fn fork(
        &mut self,
        from: usize,
        len: usize,
        memory: &mut impl Memory,
    ) -> Result<usize, NoSequence> {
        let id = self.free_id(&[], memory)?;
        memory.fork(from, id, len);
        let tokens = self.entries[from].as_ref().map_or_else(Vec::new, |entry| entry.tokens[..len].to_vec());
        self.entries[id] = Some(Entry { tokens, in_use: true, touched: self.clock, rows: BTreeMap::new() });
        Ok(id)
    }

    /// Records that a held sequence's next token was computed.
    pub(crate) fn push(&mut self, id: usize, token: TokenId) {
        if let Some(entry) = self.entries[id].as_mut() {
            entry.tokens.push(token);
        }
    }

    /// Remembers the distribution after the last computed token of a held sequence.
    pub(crate) fn remember(&mut self, id: usize, row: LogProbs) {
        if let Some(entry) = self.entries[id].as_mut()
            && entry.rows.insert(entry.tokens.len(), row).is_none()
        {
            self.rows += 1;
        }
        while self.rows > self.rows_limit && self.forget_row() {}
    }

    /// Gives a sequence back: it stays cached, unless another one holds all of it.
    pub(crate) fn release(&mut self, id: usize, memory: &mut impl Memory) {
        self.clock += 1;
        let Some(mut entry) = self.entries[id].take() else { return };
        let longer =
            self.live().find(|(_, other)| other.tokens.starts_with(&entry.tokens)).map(|(other, _)| other);
        if let Some(keeper) = longer.and_then(|other| self.entries[other].as_mut()) {
            let before = keeper.rows.len() + entry.rows.len();
            keeper.rows.append(&mut entry.rows);
            self.rows -= before - keeper.rows.len();
            keeper.touched = self.clock;
            memory.keep(id, 0);
            return;
        }
        entry.in_use = false;
        entry.touched = self.clock;
        for other in 0..self.entries.len() {
            let covered = self.entries[other]
                .as_ref()
                .is_some_and(|shorter| !shorter.in_use && entry.tokens.starts_with(&shorter.tokens));
            if covered && let Some(mut shorter) = self.entries[other].take() {
                let before = entry.rows.len() + shorter.rows.len();
                entry.rows.append(&mut shorter.rows);
                self.rows -= before - entry.rows.len();
                memory.keep(other, 0);
            }
        }
        self.entries[id] = Some(entry);
    }

    /// Forgets the idle sequence that was used least recently; false when none is idle.
    pub(crate) fn evict(&mut self, memory: &mut impl Memory) -> bool {
        self.evict_except(&[], memory).is_some()
    }

    fn live(&self) -> impl Iterator<Item = (usize, &Entry)> {
        self.entries.iter().enumerate().filter_map(|(id, entry)| Some((id, entry.as_ref()?)))
    }

    /// An idle sequence is taken over where nothing of it is lost: all of it is common, or all but the last token, which the
    /// caller has to compute again for its distribution.
    fn extends_in_place(entry: &Entry, tokens: &[TokenId], common: usize) -> bool {
        let extra = entry.tokens.len() - common;
        extra == 0 || (extra == 1 && tokens.get(common) == entry.tokens.last())
    }

    fn free_id(&mut self, keep: &[usize], memory: &mut impl Memory) -> Result<usize, NoSequence> {
        if let Some(id) = self.entries.iter().position(Option::is_none) {
            return Ok(id);
        }
        self.evict_except(keep, memory).ok_or(NoSequence)
    }

    fn evict_except(&mut self, keep: &[usize], memory: &mut impl Memory) -> Option<usize> {
        let (id, _) = self
            .live()
            .filter(|(id, entry)| !entry.in_use && !keep.contains(id))
            .min_by_key(|(_, entry)| entry.touched)?;
        if let Some(entry) = self.entries[id].take() {
            self.rows -= entry.rows.len();
        }
        memory.keep(id, 0);
        Some(id)
    }

    /// Forgets the earliest distribution of the least recently used sequence that has one.
    fn forget_row(&mut self) -> bool {
        let oldest = self
            .entries
            .iter_mut()
            .flatten()
            .filter(|entry| !entry.rows.is_empty())
            .min_by_key(|e| e.touched);
        match oldest.and_then(|entry| entry.rows.pop_first()) {
            Some(_) => {
                self.rows -= 1;
                true
            }
            None => false,
        }
    }
}

/// Number of equal leading tokens.
pub(crate) fn common_prefix(a: &[TokenId], b: &[TokenId]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}
