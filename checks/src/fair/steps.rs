//! The steps: trying, saying, waiting, looking, and what the thread does.

use super::{At, Fault, Process, Setting, World};

impl Setting {
    pub(super) fn says(&self, world: &mut World, who: usize) {
        if self.fault == Fault::NoWord {
            return;
        }
        let latch = world.processes[who].latch;
        for process in &mut world.processes {
            process.unread |= process.latch == latch;
        }
        if self.fault == Fault::WaitsForTheWriter && latch == world.latch_at {
            world.writer = Some(who);
        }
    }

    pub(super) fn step(&self, world: &mut World, who: usize, quickly: bool) {
        let mut me = world.processes[who];
        match me.at {
            At::Fast => {
                if me.latch == 0 {
                    if world.latch_at == 0 {
                        world.latch_at = world.new_latch();
                    }
                    me.latch = world.latch_at;
                }
                let may_try = !me.wanted;
                if may_try && world.is_free(me.latch) {
                    (me.has, me.at) = (true, At::Look);
                } else if may_try || self.fault != Fault::WaitsForTheWriter {
                    me.at = At::Say;
                } else {
                    me.at = At::Gate;
                }
            }
            At::Say => {
                self.says(world, who);
                me.unread = world.processes[who].unread;
                me.at = match me.thread {
                    0 => At::Wait,
                    thread if thread == me.latch => At::Wait,
                    _ => At::Poll,
                };
                if me.at == At::Wait {
                    me.unheard = me.thread_has && self.fault == Fault::AddedTooLate;
                    // What the request had open is the thread's, or closed.
                    (me.thread, me.noted) = (me.latch, me.noted && me.thread == 0);
                }
            }
            At::Poll => {
                (me.has, me.at) = (true, At::Look);
                me.wanted = !quickly;
            }
            At::Gate => (me.wanted, me.at) = (false, At::Fast),
            At::Look if me.latch == world.latch_at => me.at = At::Read,
            At::Look => {
                (me.has, me.latch, me.noted, me.wanted) = (false, 0, false, false);
                me.at = At::Fast;
            }
            _ => {
                me.wanted |= me.unread && me.noted;
                (me.unread, me.noted) = (false, true);
                me.at = At::Held;
                if world.writer == Some(who) {
                    world.writer = None;
                }
            }
        }
        world.processes[who] = me;
    }

    pub(super) fn thread(world: &mut World, who: usize, quickly: bool) {
        let mut me = world.processes[who];
        if !me.thread_has {
            me.thread_has = true;
        } else {
            if me.at == At::Wait && !me.unheard {
                (me.has, me.at, me.wanted) = (true, At::Look, !quickly);
            }
            (me.thread, me.thread_has) = (0, false);
        }
        world.processes[who] = me;
    }

    pub(super) fn gives_back(&self, me: &mut Process) {
        me.has = false;
        if self.fault == Fault::BelievedFromTheLook {
            me.wanted = false;
        }
    }
}
