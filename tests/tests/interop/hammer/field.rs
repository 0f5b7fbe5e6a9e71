//! One session under the hammer: its folder, the processes of both kinds, and the one that kills them.

use std::io::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use latchwork_sys::{Clock as _, RealClock};
use latchwork_testkit::deadline::eventually;
use latchwork_testkit::peers::{Peers, Skipped};
use latchwork_testkit::program::{Home, Live};

use super::oracle::{self, Mark, Report, Side};
use super::ours::{self, Manners};

/// Ids of OpenClaw's processes begin here, ours below it.
const FIRST_OF_THEIRS: u32 = 1_000_000;
/// How often the oracle is looked at for a holder to kill.
const LOOK: Duration = Duration::from_micros(200);

/// Who hammers, and how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) ours: u32,
    pub(crate) theirs: u32,
    /// How long one of ours, and one of theirs, stays in.
    pub(crate) hold: Duration,
    pub(crate) hold_of_theirs: Duration,
    /// How long one of theirs stays away before it comes again.
    pub(crate) away: Duration,
    pub(crate) manners: Manners,
    /// Theirs live in another pid namespace.
    pub(crate) apart: bool,
    /// Ours have met a peer's lock file before theirs come.
    pub(crate) met_before: bool,
    pub(crate) lasts: Duration,
}

/// Starts a program in a pid namespace of its own.
pub(crate) const APART: &[&str] = &["unshare", "-pf", "--mount-proc", "--kill-child"];

/// A session that is being hammered.
pub(crate) struct Field<'a> {
    peers: &'a Peers,
    plan: Plan,
    /// The whole name of the test, by which this program is started again for it.
    test: &'static str,
    home: Home,
    processes: Vec<(u32, Live)>,
    started: [u32; 2],
    read: u64,
    last_in: [Option<Mark>; 2],
}

fn side_of(id: u32) -> Side {
    if id < FIRST_OF_THEIRS {
        Side::Ours
    } else {
        Side::Theirs
    }
}

impl<'a> Field<'a> {
    /// Starts everybody; the time runs from when all are ready.
    pub(crate) fn start(peers: &'a Peers, test: &'static str, plan: Plan) -> Result<Self, Skipped> {
        let home = Home::new();
        home.write("s.jsonl", "");
        home.write("oracle", "");
        home.write("ready", "");
        let mut field = Self {
            peers,
            plan,
            test,
            home,
            processes: Vec::new(),
            started: [0, 0],
            read: 0,
            last_in: [None, None],
        };
        if plan.met_before {
            field.meet_before()?;
        } else {
            field.add_all(Side::Theirs)?;
            field.add_all(Side::Ours)?;
        }
        let all = (plan.ours + plan.theirs) as usize;
        eventually("all to be ready", || {
            let ready = std::fs::read_to_string(field.file("ready")).expect("who is ready");
            (ready.lines().count() >= all).then_some(())
        });
        Ok(field)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.home.path(name)
    }

    /// Ours come first and find a lock file that this test made in the way of a peer; then theirs come.
    fn meet_before(&mut self) -> Result<(), Skipped> {
        let lock_file = self.home.write(
            "s.jsonl.lock",
            format!("{{\"pid\": {}}}\n", std::process::id()),
        );
        self.add_all(Side::Ours)?;
        let latch = self.file(".latchwork/s.latch");
        eventually("ours to have met a peer", || {
            let text = std::fs::read_to_string(&latch).ok()?;
            let forgets = self.plan.manners == Manners::Forgetful;
            (forgets || text.contains("\nmet ")).then_some(())
        });
        std::fs::remove_file(lock_file).expect("the lock file removed");
        self.add_all(Side::Theirs)
    }

    fn add_all(&mut self, side: Side) -> Result<(), Skipped> {
        let count = match side {
            Side::Ours => self.plan.ours,
            Side::Theirs => self.plan.theirs,
        };
        (0..count).try_for_each(|_| self.add(side))
    }

    fn add(&mut self, side: Side) -> Result<(), Skipped> {
        let (dir, plan) = (self.home.cwd(), self.plan);
        let started = &mut self.started[usize::from(side == Side::Theirs)];
        let number = *started;
        *started += 1;
        let (id, program) = match side {
            Side::Ours => {
                let exe = std::env::current_exe().expect("this program");
                let role = ours::role(&dir, number, plan.hold, plan.manners);
                let words = ["--exact", self.test, "--nocapture"];
                (number, self.home.program(exe, words).env(ours::ROLE, role))
            }
            Side::Theirs => {
                let id = FIRST_OF_THEIRS + number;
                let hold = plan.hold_of_theirs.as_micros();
                let under = if plan.apart { APART } else { &[] };
                let program = self
                    .peers
                    .openclaw_script(&self.home, under, "hammer.mjs")?
                    .arg(&dir)
                    .arg(id.to_string())
                    .arg(hold.to_string())
                    .arg(plan.away.as_micros().to_string());
                (id, program)
            }
        };
        self.processes.push((id, program.spawn()));
        Ok(())
    }

    /// Lets them hammer.
    pub(crate) fn undisturbed(self) -> Report {
        let end = Instant::now() + self.plan.lasts;
        while Instant::now() < end {
            std::thread::sleep(Duration::from_millis(20));
        }
        self.stop()
    }

    /// Lets them hammer while holders of both kinds are killed and others started in their places. A pause of so long
    /// lies between two deaths.
    pub(crate) fn killing(mut self, pause: Duration) -> Result<Report, Skipped> {
        let end = Instant::now() + self.plan.lasts;
        // Ours are started faster, so they die more often.
        for side in [Side::Ours, Side::Ours, Side::Theirs].into_iter().cycle() {
            std::thread::sleep(pause);
            let Some(holder) = self.holder(side, end) else {
                break;
            };
            self.kill(holder);
            self.add(side)?;
        }
        Ok(self.stop())
    }

    /// The holder of that kind, as soon as there is one; none when the time is over.
    fn holder(&mut self, side: Side, end: Instant) -> Option<u32> {
        let kind = usize::from(side == Side::Theirs);
        loop {
            self.last_in = [None, None];
            self.read_on();
            if let Some(mark) = &self.last_in[kind] {
                return Some(mark.id);
            }
            if Instant::now() > end {
                return None;
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Reads what was added to the oracle and keeps who is in now.
    fn read_on(&mut self) {
        use std::os::unix::fs::FileExt as _;
        let oracle = std::fs::File::open(self.file("oracle")).expect("the oracle");
        let mut bytes = vec![0; 1 << 16];
        loop {
            let got = oracle.read_at(&mut bytes, self.read).expect("its bytes");
            let whole = bytes[..got]
                .iter()
                .rposition(|byte| *byte == b'\n')
                .map_or(0, |at| at + 1);
            if whole == 0 {
                return;
            }
            self.read += whole as u64;
            for line in String::from_utf8_lossy(&bytes[..whole]).lines() {
                let Some(mark) = Mark::parse(line) else {
                    continue;
                };
                let kind = usize::from(side_of(mark.id) == Side::Theirs);
                match mark.event {
                    'E' => self.last_in[kind] = Some(mark),
                    'X' | 'L' => self.last_in[kind] = None,
                    _ => {}
                }
            }
        }
    }

    fn kill(&mut self, id: u32) {
        let Some(at) = self.processes.iter().position(|(of, _)| *of == id) else {
            return;
        };
        let (_, live) = self.processes.swap_remove(at);
        let now = RealClock.monotonic().as_nanos();
        live.kill();
        let gone = RealClock.monotonic().as_nanos();
        // Written after the death, so that no mark of the dead follows it; its first moment is that before the signal.
        let mut oracle = std::fs::File::options()
            .append(true)
            .open(self.file("oracle"))
            .expect("the oracle");
        oracle
            .write_all(format!("K {id} 0 {now} {gone}\n").as_bytes())
            .expect("a death in the oracle");
    }

    #[expect(
        clippy::print_stdout,
        reason = "what a run came to is what its reader wants"
    )]
    fn stop(self) -> Report {
        self.home.write("stop", "");
        for (_, live) in self.processes {
            live.wait().expect_success();
        }
        let oracle = std::fs::read_to_string(self.home.path("oracle")).expect("the oracle");
        let transcript = std::fs::read(self.home.path("s.jsonl")).expect("the transcript");
        let report = oracle::judge(&oracle, &transcript, side_of);
        println!("hammer: {:?}\nhammer: {report}", self.plan);
        report
    }
}
