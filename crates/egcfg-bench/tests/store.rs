//! The store's one promise, creation that succeeds once, and the claims that rest on it.

#![allow(clippy::unwrap_used, reason = "test helpers")]

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use egcfg_bench::claim::{Claim, Claims, Published, State};
use egcfg_bench::store::{Durability, Store, Target};
use egcfg_results::{Layout, Provenance, ResultFile};
use proptest::prelude::{Just, Strategy, prop_assert, prop_assert_eq, prop_oneof, proptest};

fn store(folder: &tempfile::TempDir) -> Store {
    Store::open(&Target::Folder(folder.path().join("out"))).unwrap()
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

#[test]
fn of_many_creators_one_is_told_that_it_won() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    let barrier = Arc::new(std::sync::Barrier::new(8));
    let creators: Vec<_> = (0..8)
        .map(|number| {
            let (store, barrier) = (store.clone(), Arc::clone(&barrier));
            std::thread::spawn(move || {
                barrier.wait();
                let names = (0..40).map(|n| format!("deep/er/{n}"));
                let create = async |name: String| {
                    store
                        .create(&name, format!("by {number}").into_bytes(), Durability::Buffered)
                        .await
                        .unwrap()
                };
                block_on(async {
                    let mut won = Vec::new();
                    for name in names {
                        if create(name.clone()).await {
                            won.push((name, number));
                        }
                    }
                    won
                })
            })
        })
        .collect();
    let won: Vec<(String, usize)> =
        creators.into_iter().flat_map(|creator| creator.join().unwrap()).collect();
    assert_eq!(won.len(), 40);
    for (name, number) in won {
        let held = block_on(store.get(&name)).unwrap().unwrap();
        assert_eq!(held, format!("by {number}").into_bytes());
    }
}

#[test]
fn files_are_listed_moved_and_removed() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    block_on(async {
        assert_eq!(store.files("none").await.unwrap(), Vec::<String>::new());
        assert_eq!(store.get("a/x").await.unwrap(), None);
        store.put("a/x", b"1".to_vec(), Durability::Synced).await.unwrap();
        store.put("a/x", b"2".to_vec(), Durability::Buffered).await.unwrap();
        store.put("a/b/y", b"3".to_vec(), Durability::Buffered).await.unwrap();
        assert_eq!(store.files("a").await.unwrap(), ["x"]);
        assert_eq!(store.child("a").folders("").await.unwrap(), ["b"]);
        assert_eq!(store.folders("").await.unwrap(), ["a"], "staging is no part of the store");
        assert!(store.rename("a/x", "a/z").await.unwrap());
        assert!(!store.rename("a/x", "a/z").await.unwrap());
        assert_eq!(store.get("a/z").await.unwrap().as_deref(), Some(b"2".as_slice()));
        store.delete("a/z").await.unwrap();
        store.delete("a/z").await.unwrap();
        assert!(!store.exists("a/z").await.unwrap());
        // The same bytes again are the same creation, reported twice.
        assert!(store.create("c", b"me".to_vec(), Durability::Buffered).await.unwrap());
        assert!(store.create("c", b"me".to_vec(), Durability::Buffered).await.unwrap());
        assert!(!store.create("c", b"you".to_vec(), Durability::Buffered).await.unwrap());
    });
    assert_eq!(std::fs::read_dir(folder.path().join("out/.staging")).unwrap().count(), 0);
}

/// What one of three agents does to one unit.
#[derive(Debug, Clone)]
enum Act {
    /// Takes the unit over, as if its holder's lease had run out, or carries a committed result to its end.
    Take(usize),
    /// Claims from an old view of the chain.
    TakeOld(usize, u32),
    /// Publishes under one of the claims that it ever had.
    Publish(usize),
    /// Gives one of them back.
    Release(usize),
    /// Commits, and dies before it publishes.
    CommitAndDie(usize),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        (0..3_usize).prop_map(Act::Take),
        (0..3_usize, 1..6_u32).prop_map(|(agent, epoch)| Act::TakeOld(agent, epoch)),
        (0..8_usize).prop_map(Act::Publish),
        (0..8_usize).prop_map(Act::Release),
        (0..8_usize).prop_map(Act::CommitAndDie),
        Just(Act::Take(0)),
    ]
}

fn result(agent: usize) -> ResultFile {
    let ours = Provenance { agent: agent.to_string(), ..Provenance::default() };
    ResultFile { code: Some(format!("by {agent}")), passed: true, egcfg: Some(ours), ..ResultFile::default() }
}

proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(match proptest::prelude::ProptestConfig::default().cases { 256 => 96, asked => asked }))]

    #[test]
    fn whatever_agents_do_one_result_is_published_and_never_changes(acts in proptest::collection::vec(act(), 1..24)) {
        let folder = tempfile::tempdir().unwrap();
        let store = store(&folder);
        let (cell, stem) = ("c", "task_id=1_gamma=0.0");
        let agents: Vec<Claims> =
            (0..3).map(|n| Claims::new(store.clone(), &n.to_string(), Duration::from_secs(1))).collect();
        let key = Layout::result(cell, stem);
        block_on(async {
            let mut held: Vec<(usize, Claim)> = Vec::new();
            let (mut published, mut standing, mut longest) = (HashSet::new(), None, 0);
            for act in acts {
                let last = agents[0].survey(cell).await.unwrap().get(stem).copied().unwrap_or(0);
                longest = longest.max(last);
                match act {
                    Act::Take(agent) => {
                        let record = agents[agent].read(cell, stem, last).await.unwrap();
                        match record {
                            Some(record) if matches!(record.state, State::Committed { .. }) => {
                                agents[agent].finish(cell, stem, last, &record.state).await.unwrap();
                            }
                            _ => {
                                let claim = agents[agent].claim(cell, stem, last + 1).await.unwrap();
                                held.extend(claim.map(|claim| (agent, claim)));
                            }
                        }
                    }
                    // A view, however old, once was true: it never skips a link that did not exist.
                    Act::TakeOld(agent, epoch) if epoch <= longest + 1 => {
                        let claim = agents[agent].claim(cell, stem, epoch).await.unwrap();
                        held.extend(claim.map(|claim| (agent, claim)));
                    }
                    Act::TakeOld(..) => {}
                    Act::Publish(which) => {
                        if let Some((agent, claim)) = held.get(which) {
                            // Taken over, as the chain says: then nothing may come of it.
                            let over = last > claim.epoch;
                            let done = agents[*agent].publish(claim, "1", result(*agent)).await.unwrap();
                            prop_assert!(!over || standing.is_some() || done == Published::Lost);
                            if done == Published::Yes {
                                published.insert(*agent);
                            }
                        }
                    }
                    Act::Release(which) => {
                        if let Some((agent, claim)) = held.get(which) {
                            agents[*agent].release(claim, "tired").await.unwrap();
                        }
                    }
                    Act::CommitAndDie(which) => {
                        if let Some((agent, claim)) = held.get(which) {
                            let record = serde_json::json!({
                                "version": 1, "agent": agent.to_string(), "epoch": claim.epoch + 1, "lease_seconds": 1.0, "time": 0.0,
                                "state": "committed", "task": "1", "worked": claim.epoch, "result": result(*agent),
                            });
                            let name = Layout::claim(cell, stem, claim.epoch + 1);
                            store.create(&name, record.to_string().into_bytes(), Durability::Synced).await.unwrap();
                        }
                    }
                }
                let bytes = store.get(&key).await.unwrap();
                let now: Option<ResultFile> = bytes.map(|bytes| serde_json::from_slice(&bytes).unwrap());
                if standing.is_some() {
                    prop_assert_eq!(&now, &standing);
                }
                standing = now;
            }
            let by: HashSet<usize> =
                standing.iter().map(|file: &ResultFile| file.egcfg.as_ref().unwrap().agent.parse().unwrap()).collect();
            prop_assert!(published.is_subset(&by), "{published:?} {by:?}");
            prop_assert_eq!(store.exists(&Layout::solved("1")).await.unwrap(), standing.is_some());
            Ok(())
        })?;
    }
}
