//! Job files: what a shell and a YAML parser make of them, and a real Slurm where its programs are installed.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use yaml_rust2::{Yaml, YamlLoader};

use crate::start::egcfg;
use crate::world::{World, results, until};

const RUN: [&str; 6] = ["--", "run", "my tasks/it's.toml", "--results", "s3://b/$HOME", "--until-solved"];

#[test]
fn a_slurm_script_is_a_script_and_starts_the_same_command_in_each_task() {
    let world = World::new(1, &[], 0.0);
    let args = [
        "submit",
        "slurm",
        "--agents",
        "8",
        "--time",
        "1-02:00:00",
        "--cpus",
        "6",
        "--gpus",
        "1",
        "--memory",
        "16G",
        "--partition",
        "long",
        "--name",
        "my job",
        "--program",
        "/bin/echo",
        "--out",
        "job.sh",
    ];
    let ran = egcfg(world.folder.path(), &[&args, RUN.as_slice()].concat());
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), ""), "{}", ran.stderr);
    let path = world.folder.path().join("job.sh");
    assert!(Command::new("bash").arg("-n").arg(&path).status().unwrap().success());
    let text = std::fs::read_to_string(&path).unwrap();
    for option in [
        "--array=0-7",
        "--time=26:00:00",
        "--cpus-per-task=6",
        "--gres=gpu:1",
        "--mem=16384M",
        "--partition=long",
        "--job-name=my_job",
        "--signal=B:TERM@60",
        "--requeue",
    ] {
        assert!(text.contains(&format!("#SBATCH {option}\n")), "{option}: {text}");
    }
    // The shell gives back the very words.
    let said = Command::new("bash").arg(&path).output().unwrap();
    assert_eq!(
        String::from_utf8(said.stdout).unwrap(),
        "run my tasks/it's.toml --results s3://b/$HOME --until-solved\n"
    );
}

#[test]
fn a_kubernetes_manifest_is_yaml_and_says_what_was_asked() {
    let world = World::new(1, &[], 0.0);
    let args = [
        "submit",
        "kubernetes",
        "--agents",
        "5",
        "--image",
        "registry/egcfg:1",
        "--gpus",
        "2",
        "--memory",
        "4G",
        "--time",
        "02:00:00",
        "--volume",
        "results:/results",
        "--env-from-secret",
        "keys",
        "--name",
        "My Job",
    ];
    let ran = egcfg(world.folder.path(), &[&args, RUN.as_slice()].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let documents = YamlLoader::load_from_str(&ran.stdout).unwrap();
    let [job] = documents.as_slice() else { panic!("{documents:?}") };
    let spec = &job["spec"];
    assert_eq!((job["kind"].as_str(), job["metadata"]["name"].as_str()), (Some("Job"), Some("my-job")));
    assert_eq!(spec["completionMode"].as_str(), Some("Indexed"));
    assert_eq!((spec["completions"].as_i64(), spec["parallelism"].as_i64()), (Some(5), Some(5)));
    assert_eq!(spec["activeDeadlineSeconds"].as_i64(), Some(7200));
    let pod = &spec["template"]["spec"];
    let container = &pod["containers"][0];
    let words: Vec<&str> = container["command"].as_vec().unwrap().iter().filter_map(Yaml::as_str).collect();
    assert_eq!(words, ["egcfg", "run", "my tasks/it's.toml", "--results", "s3://b/$$HOME", "--until-solved"]);
    assert_eq!(container["resources"]["limits"]["nvidia.com/gpu"].as_i64(), Some(2));
    assert_eq!(container["resources"]["limits"]["memory"].as_str(), Some("4096Mi"));
    assert_eq!(container["envFrom"][0]["secretRef"]["name"].as_str(), Some("keys"));
    assert_eq!(container["volumeMounts"][0]["mountPath"].as_str(), Some("/results"));
    assert_eq!(container["volumeMounts"][0]["name"], pod["volumes"][0]["name"]);
    assert_eq!(pod["volumes"][0]["persistentVolumeClaim"]["claimName"].as_str(), Some("results"));
}

#[test]
fn what_cannot_be_started_is_refused() {
    let world = World::new(1, &[], 0.0);
    for (args, part) in [
        (vec!["submit", "slurm", "--", "doctor"], "error: only 'run' can be started on a cluster"),
        (
            vec!["submit", "slurm", "--", "run", "--sed", "1"],
            "error: the agents' command line: unexpected argument '--sed'",
        ),
        (vec!["submit", "slurm", "--time", "soon", "--", "run"], "error: --time 'soon' is not HH:MM:SS"),
        (vec!["submit", "slurm", "--memory", "much", "--", "run"], "error: --memory 'much' is no size"),
        (
            vec!["submit", "kubernetes", "--image", "i", "--volume", "x", "--", "run"],
            "error: --volume 'x' is not CLAIM:/PATH",
        ),
    ] {
        let ran = egcfg(world.folder.path(), &args);
        assert_eq!(ran.code, Some(2), "{args:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(part), "{args:?}: {}", ran.stderr);
    }
}

/// A Slurm of one node, in a folder; its daemons end with it.
struct Slurm {
    daemons: Vec<Child>,
    conf: PathBuf,
}

impl Slurm {
    /// `None`, saying so, where it cannot run: it needs its programs, and root to start jobs.
    fn start(folder: &Path) -> Option<Self> {
        let found = |name: &str| {
            ["/usr/sbin", "/usr/bin"].map(|dir| Path::new(dir).join(name)).into_iter().find(|p| p.exists())
        };
        let programs = ["munged", "slurmctld", "slurmd", "sbatch"].map(found);
        let root =
            std::fs::metadata("/proc/self").is_ok_and(|meta| std::os::unix::fs::MetadataExt::uid(&meta) == 0);
        let [Some(munged), Some(slurmctld), Some(slurmd), Some(_)] = programs else {
            eprintln!("skipped: Slurm's programs are not installed (slurm-wlm, munge)");
            return None;
        };
        if !root || !Path::new("/etc/munge/munge.key").exists() {
            eprintln!("skipped: a Slurm of its own needs root and a munge key");
            return None;
        }
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap().trim().to_owned();
        let port = || std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let at = folder.display();
        let socket = folder.join("munge.socket");
        let text = format!(
            "ClusterName=test\nSlurmctldHost={host}(127.0.0.1)\nSlurmUser=root\nAuthType=auth/munge\nAuthInfo=socket={}\n\
             CryptoType=crypto/munge\nSlurmctldPort={}\nSlurmdPort={}\nStateSaveLocation={at}/state\nSlurmdSpoolDir={at}/spool\n\
             SlurmctldPidFile={at}/ctld.pid\nSlurmdPidFile={at}/slurmd.pid\nProctrackType=proctrack/pgid\nTaskPlugin=task/none\n\
             SwitchType=switch/none\nMpiDefault=none\nReturnToService=2\nSchedulerType=sched/backfill\n\
             SelectType=select/cons_tres\nSelectTypeParameters=CR_Core\nJobAcctGatherType=jobacct_gather/none\n\
             AccountingStorageType=accounting_storage/none\nNodeName={host} NodeAddr=127.0.0.1 CPUs=4 RealMemory=4000 State=UNKNOWN\n\
             PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP\nSlurmdParameters=config_overrides\n",
            socket.display(),
            port(),
            port(),
        );
        let conf = folder.join("slurm.conf");
        std::fs::write(&conf, text).unwrap();
        std::fs::create_dir_all(folder.join("state")).unwrap();
        std::fs::create_dir_all(folder.join("spool")).unwrap();
        // munged looks at the rights of every folder on the way.
        let key = folder.join("munge.key");
        std::fs::copy("/etc/munge/munge.key", &key).unwrap();
        let file = |name: &str| folder.join(name).display().to_string();
        let quiet = |command: &mut Command| {
            let log = std::fs::File::create(folder.join("daemons.log")).unwrap();
            command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap()
        };
        let mut munge = Command::new(munged);
        munge.args(["-F", "-f", "--key-file"]).arg(&key).arg("--socket").arg(&socket);
        munge.args([
            "--pid-file",
            &file("munge.pid"),
            "--log-file",
            &file("munge.log"),
            "--seed-file",
            &file("munge.seed"),
        ]);
        let mut slurm = Self { daemons: vec![quiet(&mut munge)], conf };
        until("munge", || socket.exists());
        for (program, options) in [(slurmctld, ["-D", "-i"].as_slice()), (slurmd, &["-D"])] {
            let mut daemon = Command::new(program);
            daemon.args(options).arg("-f").arg(&slurm.conf).env("SLURM_CONF", &slurm.conf);
            slurm.daemons.push(quiet(&mut daemon));
        }
        until("an idle node", || slurm.said("sinfo", &["-h", "-o", "%T"]).contains("idle"));
        Some(slurm)
    }

    fn said(&self, program: &str, args: &[&str]) -> String {
        let out = Command::new(program).args(args).env("SLURM_CONF", &self.conf).output().unwrap();
        String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr)
    }
}

impl Drop for Slurm {
    fn drop(&mut self) {
        for daemon in self.daemons.iter_mut().rev() {
            let _ = Command::new("kill").arg(daemon.id().to_string()).status();
            let _ = daemon.wait();
        }
    }
}

#[test]
fn four_array_tasks_of_a_real_slurm_share_an_experiment() {
    let world = World::new(40, &[], 0.02);
    let folder = world.folder.path();
    let at = |name: &str| folder.join(name).display().to_string();
    let cluster = folder.join("slurm");
    std::fs::create_dir(&cluster).unwrap();
    let Some(slurm) = Slurm::start(&cluster) else { return };
    let args = [
        "submit",
        "slurm",
        "--agents",
        "4",
        "--cpus",
        "1",
        "--memory",
        "200M",
        "--time",
        "00:10:00",
        "--logs",
        &at(""),
        "--out",
        "job.sh",
    ];
    let (data, model, out) = (at("tasks.jsonl"), format!("scripted:{}", at("script.toml")), at("out"));
    let run = [
        "--",
        "run",
        "--data",
        &data,
        "--model",
        &model,
        "--results",
        &out,
        "--method",
        "plain",
        "--workers",
        "1",
        "-v",
    ];
    let ran = egcfg(folder, &[&args, run.as_slice()].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let sent = slurm.said("sbatch", &["--chdir", &at(""), &at("job.sh")]);
    assert!(sent.starts_with("Submitted batch job "), "{sent}");
    until("the job's end", || slurm.said("squeue", &["-h"]).trim().is_empty());
    let files = world.files();
    let logs: Vec<String> = (0..4)
        .map(|n| {
            std::fs::read_to_string(
                folder.join(format!("egcfg-{}_{n}.log", sent.trim().rsplit(' ').next().unwrap())),
            )
            .unwrap()
        })
        .collect();
    assert_eq!(results(&files).len(), 40, "{logs:?}");
    assert_eq!(files.iter().filter(|file| file.starts_with("agents/")).count(), 4, "{files:?}");
    assert!(logs.iter().all(|log| log.contains("40 of 40 units done")), "{logs:?}");
}
