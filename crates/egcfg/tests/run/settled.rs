//! Results of one folder were judged alike: other settings of the sandbox are refused by name.

use crate::world::World;

const PLAIN: [&str; 2] = ["--method", "plain"];

#[test]
fn other_settings_of_the_sandbox_are_refused_by_name() {
    let world = World::new(1, &[], 0.0);
    assert_eq!(world.run(&PLAIN).code, Some(0));
    for (flags, key) in [
        (["--wall-limit", "0.3"].as_slice(), "sandbox.wall_limit"),
        (&["--idle-limit", "0.2"], "sandbox.idle_limit"),
        (&["--output-limit", "1"], "sandbox.output_limit"),
        (&["--thread-limit", "1"], "sandbox.thread_limit"),
        (&["--disk-limit", "1"], "sandbox.disk_limit"),
        (&["--file-limit", "1"], "sandbox.file_limit"),
        (&["--calibrate=false"], "sandbox.calibrate"),
        (&["--sandbox", "L0"], "sandbox.level"),
        (&["--allow-doubtful-tests"], "sandbox.allow_doubtful_tests"),
        (
            &["--profile", "data", "--timeout", "5", "--memory-limit", "1024"],
            "sandbox.disk_limit, sandbox.profile",
        ),
    ] {
        let refused = world.run(&[&PLAIN, flags].concat());
        assert_eq!(refused.code, Some(3), "{flags:?}: {}{}", refused.stdout, refused.stderr);
        let said = format!("is of another experiment; different: {key}\nhint: give the same settings");
        assert!(refused.stderr.contains(&said), "{flags:?}: {}", refused.stderr);
    }
    let same = world.run(&[&PLAIN, ["--timeout", "5", "--wall-limit", "10"].as_slice()].concat());
    assert_eq!(same.code, Some(0), "the defaults in words: {}", same.stderr);
}

/// What a folder does not say is not known; it goes on, and says so.
#[test]
fn a_folder_from_before_goes_on_with_a_note() {
    let world = World::new(1, &[], 0.0);
    assert_eq!(world.run(&PLAIN).code, Some(0));
    let file = world.root().join("experiment.toml");
    let own = std::fs::read_to_string(&file).unwrap();
    let (before, after) = own.split_once("[sandbox]").unwrap();
    let (_, identity) = after.split_once("[identity]").unwrap();
    std::fs::write(&file, format!("{before}[identity]{identity}")).unwrap();
    let old = world.run(&[&PLAIN, ["--wall-limit", "8"].as_slice()].concat());
    assert_eq!(old.code, Some(0), "{}", old.stderr);
    assert!(old.stderr.contains("from before the sandbox's settings were kept"), "{}", old.stderr);
    let timeout = world.run(&[&PLAIN, ["--timeout", "4"].as_slice()].concat());
    assert!(timeout.stderr.contains("different: timeout\n"), "{}", timeout.stderr);
}
