//! What each mechanism is, in the textbook's words: data.

use super::way::Way;
use crate::mechanisms::lines_of_code;

/// What happens to it when its owner is killed.
#[must_use]
pub fn on_death(way: Way) -> &'static str {
    match way {
        Way::MutexFast | Way::MutexFair | Way::RwLockWrite => {
            "the next owner has it at once, and is told by an error that carries the guard"
        }
        Way::RwLockRead => "a dead reader is gone; a dead writer's next owner is told",
        Way::Lock => "the next owner has it at once; the guard says that the last one died",
        Way::Semaphore => "its permits are free at once",
        Way::CountingSemaphore => "what it took is lost, as with sem_t; nobody else is held up",
        Way::Monitor => "the next one is inside at once, and is told",
        Way::StdMutex | Way::StdRwLockRead | Way::StdRwLockWrite => {
            "all its threads die with it; a panic poisons"
        }
        Way::PthreadMutex | Way::PthreadRwLockRead | Way::PthreadRwLockWrite => "it is held for ever",
        Way::PthreadRobust => "the next owner has it and is told (EOWNERDEAD)",
        Way::PosixSemaphore => "what it took is lost",
        Way::SysvSemaphore => "the kernel adds back what it took; nobody is told",
        Way::Flock | Way::OfdLock => {
            "released when the last copy of the descriptor is closed; nobody is told"
        }
        Way::BareFutex => "it is held for ever",
    }
}

/// Lines of the smallest correct program on it that raises a counter between processes; between threads
/// where it has no more.
#[must_use]
pub fn program_lines(way: Way) -> usize {
    program(way).map_or(0, lines_of_code)
}

fn program(way: Way) -> Option<&'static str> {
    Some(match way {
        Way::MutexFast | Way::MutexFair => include_str!("../../examples/turns_mutex.rs"),
        Way::RwLockRead | Way::RwLockWrite => include_str!("../../examples/turns_rwlock.rs"),
        Way::Lock => include_str!("../../examples/turns_lock.rs"),
        Way::Semaphore => include_str!("../../examples/turns_semaphore.rs"),
        Way::CountingSemaphore => include_str!("../../examples/turns_counting_semaphore.rs"),
        Way::Monitor => include_str!("../../examples/turns_monitor.rs"),
        Way::StdMutex => include_str!("../../examples/turns_std_mutex.rs"),
        Way::StdRwLockRead | Way::StdRwLockWrite => include_str!("../../examples/turns_std_rwlock.rs"),
        Way::PthreadMutex => include_str!("../../../crosstie-peers/programs/pthread_mutex.c"),
        Way::PthreadRobust => include_str!("../../../crosstie-peers/programs/pthread_robust.c"),
        Way::PthreadRwLockRead | Way::PthreadRwLockWrite => {
            include_str!("../../../crosstie-peers/programs/pthread_rwlock.c")
        }
        Way::PosixSemaphore => include_str!("../../../crosstie-peers/programs/sem_t.c"),
        Way::SysvSemaphore => include_str!("../../../crosstie-peers/programs/sysv.c"),
        Way::Flock => include_str!("../../../crosstie-peers/programs/flock.c"),
        Way::OfdLock => include_str!("../../../crosstie-peers/programs/ofd_lock.c"),
        Way::BareFutex => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mechanism_has_its_words_and_a_program_short_enough_to_read() {
        for way in Way::ALL {
            assert!(!on_death(way).is_empty(), "{way:?}");
            let is_counted = (3..60).contains(&program_lines(way));
            assert_eq!(is_counted, way != Way::BareFutex, "{way:?}: {} lines", program_lines(way));
        }
    }
}
