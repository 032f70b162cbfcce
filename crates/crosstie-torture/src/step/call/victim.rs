//! What a victim does with calls.

use crosstie::call::CallOptions;
use crosstie::os::single_step;
use crosstie::{Client, Server};

use super::case::{Act, Case, MESSAGE_BYTES};
use crate::step::payload::payload;
use crate::step::victim::{Failure, Role};

/// Does the operation of `case` between its marks.
pub fn play(case: &Case, role: Role<'_>) -> Result<(), Failure> {
    role.domain.process_owner()?;
    // A caller's wait stands in a slot of its thread; its own attaching is swept elsewhere.
    role.domain.thread_owner()?;
    if case.act.is_of_client() { call(case, role) } else { serve(case, role) }
}

fn call(case: &Case, role: Role<'_>) -> Result<(), Failure> {
    let (address, options) = (case.address(role.object), case.options(role.domain));
    let open = || Client::<[u8], [u8]>::open_with(&address, &options);
    if case.act == Act::OpenClient {
        single_step::mark()?;
        return done_while_open(open()?);
    }
    let client = open()?;
    let request = payload(0, MESSAGE_BYTES);
    match case.act {
        Act::Cancel => {
            let pending = client.start(&request, CallOptions::default())?;
            single_step::mark()?;
            drop(pending);
        }
        Act::DropClient => {
            client.call(&request)?;
            single_step::mark()?;
            drop(client);
            return Ok(single_step::mark()?);
        }
        Act::ReportThenCall => {
            single_step::mark()?;
            single_step::mark()?;
            client.call(&request)?;
            return Ok(single_step::mark()?);
        }
        _ => {
            single_step::mark()?;
            client.call(&request)?;
        }
    }
    done_while_open(client)
}

fn serve(case: &Case, role: Role<'_>) -> Result<(), Failure> {
    let (address, options) = (case.address(role.object), case.options(role.domain));
    let open = || Server::<[u8], [u8]>::open_with(&address, &options);
    if case.act == Act::OpenServer {
        single_step::mark()?;
        return done_while_open(open()?);
    }
    let server = open()?;
    if case.act == Act::Take {
        single_step::mark()?;
        return done_while_open(server.receive()?);
    }
    let call = server.receive()?;
    let mut reply = call.request().clone();
    match case.act {
        Act::DropServer => {
            call.reply(&reply)?;
            single_step::mark()?;
            drop(server);
            return Ok(single_step::mark()?);
        }
        Act::ReportThenAnswer => {
            single_step::mark()?;
            single_step::mark()?;
            call.reply(&reply)?;
            return Ok(single_step::mark()?);
        }
        Act::AnswerAnother => reply = payload(1, MESSAGE_BYTES),
        _ => {}
    }
    single_step::mark()?;
    call.reply(&reply)?;
    done_while_open(server)
}

/// Marks twice; what is open stays so until the kill.
fn done_while_open<T>(open: T) -> Result<(), Failure> {
    single_step::mark()?;
    single_step::mark()?;
    drop(open);
    Ok(())
}
