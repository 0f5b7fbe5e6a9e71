//! The steps: giving back, joining, writing, and the ordinary way.

use super::{At, COMMAND, Era, Fault, HOLDER, Process, Setting, World};

impl Setting {
    pub(super) fn step(&self, world: &mut World, who: usize, me: &mut Process) -> Option<()> {
        match me.at {
            At::Runs if who != HOLDER || world.processes[COMMAND].at != At::Gone => return None,
            At::Forked if self.fault == Fault::NoCloseOnExec => me.at = At::Stranger,
            At::Forked => *me = Process::default(),
            At::Stranger => return None,
            At::Runs
            | At::Quiet
            | At::OpenQuiet
            | At::QuietByName
            | At::Forget
            | At::FreeTranscript
            | At::FreeLatch => self.gives_back(world, me)?,
            At::OpenTurn
            | At::LockTurn
            | At::LookTurn
            | At::LookLatch
            | At::LookNonce
            | At::TryLatch
            | At::LookNonceAgain
            | At::TryTranscript => self.joins(world, me)?,
            At::CheckLatch | At::CheckTurn | At::CheckNonce | At::Write => self.writes(world, me),
            At::Gone | At::Open | At::Lock | At::Look | At::Wall | At::Check | At::WriteAlone => {
                Self::goes_the_ordinary_way(world, me)?;
            }
        }
        Some(())
    }

    fn gives_back(&self, world: &mut World, me: &mut Process) -> Option<()> {
        match me.at {
            // The command has ended, even if it left something running.
            At::Runs => {
                me.at = match self.fault {
                    Fault::EndsAtOnce => At::Forget,
                    Fault::TurnsByNameOnly => At::OpenQuiet,
                    _ => At::Quiet,
                }
            }
            At::Quiet if world.turn_is_free(Era::Old) => {
                me.turns[Era::Old as usize] = true;
                me.at = At::OpenQuiet;
            }
            At::OpenQuiet => {
                me.turn = Some(world.era());
                me.at = At::QuietByName;
            }
            At::QuietByName => {
                let turn = me.turn?;
                let own = me.turns[turn as usize];
                if !own && !world.turn_is_free(turn) {
                    return None;
                }
                me.turns[turn as usize] = true;
                me.at = At::Forget;
            }
            At::Forget => {
                world.nonce = false;
                me.at = At::FreeTranscript;
            }
            At::FreeTranscript => {
                world.transcript = false;
                me.at = At::FreeLatch;
            }
            At::FreeLatch => {
                world.latch = false;
                world.given_back = true;
                *me = Process::default();
            }
            _ => return None,
        }
        Some(())
    }

    fn joins(&self, world: &mut World, me: &mut Process) -> Option<()> {
        match me.at {
            At::OpenTurn => {
                me.turn = Some(world.era());
                me.at = At::LockTurn;
            }
            At::LockTurn => {
                let turn = me.turn?;
                if !world.turn_is_free(turn) {
                    return None;
                }
                me.turns[turn as usize] = true;
                me.at = At::LookTurn;
            }
            At::LookTurn if me.turn == Some(world.era()) => me.at = At::LookLatch,
            At::LookTurn => Self::gives_its_turn_up(me, At::OpenTurn),
            At::LookLatch if !world.deleted => me.at = At::LookNonce,
            At::LookNonce if world.nonce => me.at = At::TryLatch,
            // It was given back, or its holder was killed as it did so: those who share it would wait for themselves.
            At::LookNonce if self.fault != Fault::NotLetGo => {
                (world.latch, world.transcript) = (false, false);
                Self::gives_its_turn_up(me, At::Open);
            }
            At::TryLatch if world.latch_is_unshared(Era::Old) => {
                world.latch = true;
                me.at = if self.fault == Fault::NonceOnce {
                    At::TryTranscript
                } else {
                    At::LookNonceAgain
                };
            }
            At::LookNonceAgain if world.nonce => me.at = At::TryTranscript,
            At::LookNonceAgain => {
                world.latch = false;
                Self::gives_its_turn_up(me, At::Open);
            }
            At::TryTranscript if world.transcript_is_unshared() => {
                world.transcript = true;
                me.at = At::CheckLatch;
            }
            At::TryTranscript if self.fault == Fault::NoSecondLock => {}
            At::TryTranscript => Self::gives_its_turn_up(me, At::OpenTurn),
            _ => Self::gives_its_turn_up(me, At::Open),
        }
        Some(())
    }

    /// What is borrowed is left as it is.
    fn gives_its_turn_up(me: &mut Process, then: At) {
        (me.turns, me.turn) = ([false; 2], None);
        me.at = then;
    }

    fn writes(&self, world: &World, me: &mut Process) {
        let no_turns = self.fault == Fault::NoSecondLock;
        me.at = match me.at {
            At::CheckLatch if !world.deleted => At::CheckTurn,
            At::CheckTurn if no_turns || me.turn == Some(world.era()) => At::CheckNonce,
            At::CheckNonce if world.nonce => At::Write,
            // It was lost, or has ended well.
            _ => {
                *me = Process::default();
                return;
            }
        };
    }

    fn goes_the_ordinary_way(world: &World, me: &mut Process) -> Option<()> {
        match me.at {
            At::Gone => me.at = At::Open,
            At::Open => {
                me.latch = Some(world.era());
                me.at = At::Lock;
            }
            At::Lock if me.latch.is_some_and(|latch| world.latch_is_free(latch)) => {
                me.has_latch = true;
                me.at = At::Look;
            }
            At::Lock => return None,
            At::Look if me.latch == Some(world.era()) => me.at = At::Wall,
            At::Wall if !world.transcript && world.transcript_is_unshared() => {
                me.has_transcript = true;
                me.at = At::Check;
            }
            At::Look | At::Wall => {
                (me.has_latch, me.latch) = (false, None);
                me.at = At::Open;
            }
            At::Check if me.latch == Some(world.era()) => me.at = At::WriteAlone,
            _ => *me = Process::default(),
        }
        Some(())
    }
}
