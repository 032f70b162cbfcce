//! One address with its people in the judging process, before and after the kill.

use std::sync::mpsc::{Sender, channel};

use crosstie::channel::{queue, ring};
use crosstie::ledger::Domain;
use crosstie::os::clock;
use crosstie::{Client, Error, Server};

use super::case::{Act, Case, MESSAGE_BYTES, Survivor, Way};
use super::judge::{Aftermath, judge};
use super::people::{Done, Keep, Outcome, Person, call, outcome, serve};
use crate::step::fault::{Fault, Finding};
use crate::step::payload::{NEWCOMER, SENTINEL, payload};
use crate::step::scene::{Kill, Progress, Stage};
use crate::step::survivor::take_over;
use crate::step::victim::Failure;

/// How long the judge's own calls may take.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(2);

/// One address, one operation, one kill.
pub struct CallStage<'a> {
    case: &'a Case,
    domain: &'static Domain,
    object: String,
    /// Beside a client: the server until it is in its thread.
    server: Option<Server<[u8], [u8]>>,
    serving: Option<Person<Done>>,
    keep: Keep,
    /// Beside a server: the client until it is in its thread.
    client: Option<Client<[u8], [u8]>>,
    calling: Option<Person<Outcome>>,
    go_on: Option<Sender<()>>,
    after: Aftermath,
    slowest_ns: u64,
}

impl<'a> CallStage<'a> {
    /// Before the victim starts.
    pub fn set(case: &'a Case, domain: &'static Domain, object: &str) -> Result<Self, Failure> {
        let mut stage = Self {
            case,
            domain,
            object: object.to_owned(),
            server: None,
            serving: None,
            keep: Keep::new(case.survivor == Survivor::Keeping),
            client: None,
            calling: None,
            go_on: None,
            after: Aftermath::default(),
            slowest_ns: 0,
        };
        if case.act.is_of_client() {
            stage.server = Some(stage.open_server()?);
            if case.act.is_behind_a_reply() {
                stage.serve().map_err(|finding| finding.what)?;
            }
        } else {
            stage.client = Some(stage.open_client()?);
            // Else the victim, which is a server, finds none when it looks.
            if case.survivor != Survivor::Asleep {
                stage.call().map_err(|finding| finding.what)?;
            }
        }
        Ok(stage)
    }

    fn open_server(&self) -> Result<Server<[u8], [u8]>, Error> {
        Server::open_with(&self.case.address(&self.object), &self.case.options(self.domain))
    }

    fn open_client(&self) -> Result<Client<[u8], [u8]>, Error> {
        Client::open_with(&self.case.address(&self.object), &self.case.options(self.domain))
    }

    /// A server goes to its thread.
    fn serve(&mut self) -> Result<(), Finding> {
        if let Some(server) = self.server.take() {
            self.serving = Some(serve(server, self.keep.clone())?);
        }
        Ok(())
    }

    /// The client goes to its thread, and calls.
    fn call(&mut self) -> Result<(), Finding> {
        if let Some(client) = self.client.take() {
            let (go_on, told) = channel();
            let how = (self.case.survivor, self.case.is_idempotent);
            self.calling = Some(call(client, how, self.domain, told)?);
            self.go_on = Some(go_on);
        }
        Ok(())
    }
}

impl Stage for CallStage<'_> {
    fn start(&mut self) -> Result<(), Failure> {
        if self.case.act.is_of_client() {
            if matches!(self.case.survivor, Survivor::Asleep | Survivor::Keeping) {
                self.serve().map_err(|finding| finding.what)?;
            }
            if let Some(serving) = &self.serving {
                serving.await_sleep()?;
            }
        } else if self.case.act == Act::DropServer {
            let calling = self.calling.as_ref().ok_or("nobody calls")?;
            let (_, first) = calling.next("the reply before").map_err(|finding| finding.what)?;
            self.after.first = Some(first);
        } else if let Some(calling) = &self.calling {
            calling.await_sleep()?;
        }
        Ok(())
    }

    fn wake_victim(&mut self) -> Result<(), Failure> {
        self.keep.end();
        let woken = if self.case.act.is_of_client() { self.serve() } else { self.call() };
        Ok(woken.map_err(|finding| finding.what)?)
    }

    fn judge(mut self: Box<Self>, kill: Kill) -> (Vec<Finding>, u64) {
        let Kill { progress, at_ns: killed_ns, .. } = kill;
        let gone_on = if self.case.act.is_of_client() {
            self.go_on_serving(killed_ns)
        } else {
            self.go_on_calling(progress, killed_ns)
        };
        let findings = match gone_on {
            Ok(()) => judge(self.case, progress, &self.after),
            Err(finding) => vec![finding],
        };
        (findings, self.slowest_ns)
    }
}

impl CallStage<'_> {
    fn time(&mut self, since_ns: u64, at_ns: u64) {
        self.slowest_ns = self.slowest_ns.max(at_ns.saturating_sub(since_ns));
    }

    /// A client was killed: its server goes on, until a late client's call is answered; then another server comes, and a
    /// client to it.
    fn go_on_serving(&mut self, killed_ns: u64) -> Result<(), Finding> {
        // Who keeps the call of somebody dead must be told so by the death alone, and then goes on by itself.
        self.serve()?;
        self.time(killed_ns, clock::now_ns());
        self.call_late(SENTINEL)?;
        self.end_serving()?;
        self.server = Some(take_over(self.open_server())?);
        self.serve()?;
        self.call_late(NEWCOMER)?;
        self.end_serving()?;
        self.remove()
    }

    /// A server was killed: its client is told, or served by the next one; then a late client is.
    fn go_on_calling(&mut self, progress: Progress, killed_ns: u64) -> Result<(), Finding> {
        let must_be_told_by_death = self.case.act == Act::Take
            && progress != Progress::Under
            && !self.case.is_idempotent
            && self.case.survivor != Survivor::Repeating;
        self.call()?;
        let mut since_ns = killed_ns;
        if !must_be_told_by_death {
            self.server = Some(take_over(self.open_server())?);
            self.serve()?;
            since_ns = clock::now_ns();
        }
        let Some(calling) = self.calling.take() else { return Ok(()) };
        if self.after.first.is_none() {
            let (at_ns, first) = calling.next("the end of the first call")?;
            self.time(since_ns, at_ns);
            self.after.first = Some(first);
        }
        if self.serving.is_none() {
            self.server = Some(take_over(self.open_server())?);
            self.serve()?;
        }
        let since_ns = clock::now_ns();
        if let Some(go_on) = &self.go_on {
            let _ = go_on.send(());
        }
        let (at_ns, second) = calling.next("the end of the next call")?;
        self.time(since_ns, at_ns);
        self.after.second = Some(second);
        // Its client goes with it: at rings another one comes only then.
        calling.join()?;
        self.call_late(SENTINEL)?;
        self.end_serving()?;
        self.remove()
    }

    /// A late client's call is answered.
    fn call_late(&mut self, number: u32) -> Result<(), Finding> {
        let since_ns = clock::now_ns();
        let late = take_over(self.open_client())?;
        let reply = late.call_for(&payload(number, MESSAGE_BYTES), PATIENCE);
        self.time(since_ns, clock::now_ns());
        match outcome(number, reply) {
            Outcome::Reply => Ok(()),
            other => Err(Finding::new(Fault::TakeOver, format!("a late call ended with {other:?}"))),
        }
    }

    /// The server ends with the late client's call.
    fn end_serving(&mut self) -> Result<(), Finding> {
        if let Some(serving) = self.serving.take() {
            self.after.done.extend(serving.join()?);
        }
        Ok(())
    }

    /// The address can be removed, and nothing is left of any client.
    fn remove(&self) -> Result<(), Finding> {
        let object = &self.object;
        match self.case.way {
            Way::Queue => take_over(queue::remove(self.domain, &format!("{object}.calls")))?,
            Way::Ring => {
                take_over(ring::remove(self.domain, &format!("{object}.calls")))?;
                take_over(ring::remove(self.domain, &format!("{object}.replies")))?;
            }
        }
        let entries = std::fs::read_dir(self.domain.directory().path()).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let left: Vec<_> = names.filter(|name| name.contains(&format!(".{object}."))).collect();
        if left.is_empty() {
            return Ok(());
        }
        Err(Finding::new(Fault::TakeOver, format!("the dead have left {left:?}")))
    }
}
