//! A scene in numbers: who has what, who waits, who can never go on.
//!
//! Nothing is shared with the code that ships. Who can never go on is found by playing on: everyone who
//! does not wait ends and gives everything back, those who get their turn by it end in turn; who waits
//! when nobody is left to end is deadlocked. What is given back only helps, so one order of ends tells
//! as much as all.

use std::collections::VecDeque;

use super::scene::{Kind, Scene, Step};

#[derive(Clone, Debug)]
enum State {
    Mutex {
        owner: Option<usize>,
        queue: VecDeque<usize>,
    },
    /// The word belongs to the writer that writes or waits for the readers to leave.
    Phases {
        word: Option<usize>,
        writes: bool,
        writers: VecDeque<usize>,
        readers: Vec<usize>,
        next: Vec<usize>,
    },
    Units {
        total: u32,
        held: Vec<(usize, u32)>,
        queue: VecDeque<(usize, u32)>,
    },
}

/// All objects and processes.
#[derive(Clone, Debug)]
pub struct World {
    objects: Vec<State>,
    /// What each process waits for.
    waits: Vec<Option<usize>>,
    is_over: Vec<bool>,
}

impl World {
    pub fn of(scene: &Scene) -> Self {
        let state = |kind: &Kind| match *kind {
            Kind::Mutex => State::Mutex { owner: None, queue: VecDeque::new() },
            Kind::RwLock | Kind::Lock => State::Phases {
                word: None,
                writes: false,
                writers: VecDeque::new(),
                readers: Vec::new(),
                next: Vec::new(),
            },
            Kind::Permits(total) => State::Units { total, held: Vec::new(), queue: VecDeque::new() },
        };
        let processes = scene.scripts.len();
        Self {
            objects: scene.objects.iter().map(state).collect(),
            waits: vec![None; processes],
            is_over: vec![false; processes],
        }
    }

    /// What `process` waits for.
    pub fn waits_for(&self, process: usize) -> Option<usize> {
        self.waits[process]
    }

    /// Whether `process` waits for readers to leave: no other writer comes before it.
    pub fn drains(&self, process: usize) -> bool {
        let object = self.waits[process].map(|object| &self.objects[object]);
        matches!(object, Some(State::Phases { word, writes: false, .. }) if *word == Some(process))
    }

    pub fn is_over(&self, process: usize) -> bool {
        self.is_over[process]
    }

    /// Whether `process` has what it wants at once; else it waits.
    pub fn want(&mut self, process: usize, step: Step) -> bool {
        match &mut self.objects[step.object] {
            State::Mutex { queue, .. } => queue.push_back(process),
            State::Phases { word: None, readers, .. } if step.shared => {
                readers.push(process);
                return true;
            }
            State::Phases { next, .. } if step.shared => next.push(process),
            State::Phases { writers, .. } => writers.push_back(process),
            State::Units { queue, .. } => queue.push_back((process, step.units)),
        }
        self.waits[process] = Some(step.object);
        self.serve(step.object).contains(&process)
    }

    /// Gives up waiting; answers who gets their turn by it.
    pub fn withdraw(&mut self, process: usize) -> Vec<usize> {
        let Some(object) = self.waits[process].take() else { return Vec::new() };
        match &mut self.objects[object] {
            State::Mutex { queue, .. } => queue.retain(|&other| other != process),
            State::Phases { word, writes, writers, next, readers } => {
                writers.retain(|&other| other != process);
                next.retain(|&other| other != process);
                // Who writes and wants more keeps what it has.
                if *word == Some(process) && !*writes {
                    *word = None;
                    readers.append(next);
                }
            }
            State::Units { queue, .. } => queue.retain(|&(other, _)| other != process),
        }
        self.serve(object)
    }

    /// Ends, and gives everything back; answers who gets their turn by it.
    pub fn end(&mut self, process: usize) -> Vec<usize> {
        self.is_over[process] = true;
        let mut served = self.withdraw(process);
        for object in 0..self.objects.len() {
            match &mut self.objects[object] {
                State::Mutex { owner, .. } => *owner = owner.filter(|&other| other != process),
                State::Phases { word, writes, readers, next, .. } => {
                    readers.retain(|&other| other != process);
                    if *word == Some(process) {
                        (*word, *writes) = (None, false);
                        readers.append(next);
                    }
                }
                State::Units { held, .. } => held.retain(|&(other, _)| other != process),
            }
            served.extend(self.serve(object));
        }
        served
    }

    /// Whoever can have the object now has it.
    fn serve(&mut self, object: usize) -> Vec<usize> {
        let waiting_before: Vec<usize> =
            (0..self.waits.len()).filter(|&process| self.waits[process] == Some(object)).collect();
        match &mut self.objects[object] {
            State::Mutex { owner, queue } => {
                if owner.is_none() {
                    *owner = queue.pop_front();
                }
            }
            State::Phases { word, writes, writers, readers, .. } => {
                if word.is_none() {
                    *word = writers.pop_front();
                }
                *writes = word.is_some() && (*writes || readers.is_empty());
            }
            State::Units { total, held, queue } => {
                while let Some(&(process, units)) = queue.front() {
                    if held.iter().map(|(_, units)| units).sum::<u32>() + units > *total {
                        break;
                    }
                    held.push((process, units));
                    queue.pop_front();
                }
            }
        }
        let served: Vec<usize> =
            waiting_before.into_iter().filter(|&process| !self.is_waiting_in(object, process)).collect();
        served.iter().for_each(|&process| self.waits[process] = None);
        served
    }

    fn is_waiting_in(&self, object: usize, process: usize) -> bool {
        match &self.objects[object] {
            State::Mutex { queue, .. } => queue.contains(&process),
            State::Phases { word, writes, writers, next, .. } => {
                writers.contains(&process) || next.contains(&process) || (*word == Some(process) && !writes)
            }
            State::Units { queue, .. } => queue.iter().any(|&(other, _)| other == process),
        }
    }

    /// Who can never go on.
    pub fn deadlocked(&self) -> Vec<usize> {
        let mut on = self.clone();
        let processes = 0..self.waits.len();
        while let Some(process) = processes.clone().find(|&it| !on.is_over[it] && on.waits[it].is_none()) {
            on.end(process);
        }
        processes.filter(|&process| on.waits[process].is_some()).collect()
    }

    /// Whether `waiter` cannot go on because of `other`.
    pub fn is_kept_by(&self, waiter: usize, other: usize) -> bool {
        let Some(object) = self.waits[waiter] else { return false };
        match &self.objects[object] {
            State::Mutex { owner, .. } => *owner == Some(other),
            State::Phases { word, writes, readers, .. } => {
                // Who has the word and does not write yet waits for readers; all others for who has the word.
                let drains = *word == Some(waiter) && !writes;
                if drains { readers.contains(&other) } else { *word == Some(other) }
            }
            State::Units { held, queue, .. } => {
                let place = |process: usize| queue.iter().position(|&(it, _)| it == process);
                let is_earlier = place(other).is_some_and(|at| place(waiter).is_some_and(|own| at < own));
                held.iter().any(|&(it, _)| it == other) || is_earlier
            }
        }
    }
}
