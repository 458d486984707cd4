//! What happens, and what is printed of it.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use portcullis_issuer::TokenIssuer;

use crate::client::status;
use crate::instance::{BOUND, Instance, Payroll, STALE};
use crate::server::Server;

/// How long something is waited for that has to come, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(30);

fn say(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

/// A store that is initialised now refuses what was issued until now, and a token of the same second may have been.
pub(crate) async fn initialised(now: bool) {
    if now {
        // there is nothing to wait for but the next second
        tokio::time::sleep(Duration::from_millis(1_100)).await;
    }
}

pub(crate) async fn tell(
    mut server: Server,
    issuer: &TokenIssuer,
    fleet: &[Instance; 3],
) -> anyhow::Result<()> {
    let sign_in = |name: &str| -> anyhow::Result<String> {
        Ok(issuer.mint(&Payroll { sub: name.to_owned() })?.into_token())
    };
    let (bob, alice) = (sign_in("bob")?, sign_in("alice")?);
    for Instance { name, policy, address } in fleet {
        say(&format!(
            "the {name} instance listens on http://{address}; without the store it is {policy}"
        ))?;
        for token in [&bob, &alice] {
            let status = status(*address, "GET /me", token).await?;
            ensure!(status == 200, "a new token got {status}");
        }
    }

    sign_out(&bob, fleet).await?;
    if !server.stop()? {
        say("the store is not ours to stop: that is all")?;
        return Ok(());
    }
    say(&format!(
        "\nthe store is gone; copies may be {BOUND:?} old, and {STALE:?} where stale ones do"
    ))?;
    outage(&bob, &alice, fleet).await
}

/// Bob is signed out on the first; when does each other know?
async fn sign_out(bob: &str, fleet: &[Instance; 3]) -> anyhow::Result<()> {
    let sent = Instant::now();
    let told = status(fleet[0].address, "POST /sign-out", bob).await?;
    ensure!(told == 204, "the sign-out got {told}");
    let done = Instant::now();
    say(&format!("\nbob signs out on the first instance, which takes {:.1?}", done - sent))?;
    for Instance { name, address, .. } in fleet {
        while status(*address, "GET /me", bob).await? != 401 {
            if done.elapsed() > PATIENCE {
                bail!("the {name} instance does not know of the sign-out");
            }
        }
        say(&format!("the {name} instance refuses the token {:.1?} after that", done.elapsed()))?;
    }
    Ok(())
}

/// What each instance says to a good token and to a revoked one, as its copy grows old.
async fn outage(bob: &str, alice: &str, fleet: &[Instance; 3]) -> anyhow::Result<()> {
    let gone = Instant::now();
    let mut last = [[0; 2]; 3];
    // until the last that can say no more says so
    while [last[0][0], last[2][0]] != [503, 503] {
        ensure!(gone.elapsed() < PATIENCE, "copies that are too old go on answering");
        for (instance, last) in fleet.iter().zip(&mut last) {
            let now = [
                status(instance.address, "GET /me", alice).await?,
                status(instance.address, "GET /me", bob).await?,
            ];
            if now != *last {
                let (name, policy) = (instance.name, instance.policy);
                let [good, revoked] = now;
                say(&format!(
                    "{:4.1} s  the {name} instance ({policy}): alice {good}, bob {revoked}",
                    gone.elapsed().as_secs_f64()
                ))?;
                *last = now;
            }
        }
        // a copy that grows too old tells nobody but who asks
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    say(
        "\nwho was revoked stays out whatever the policy; who is good gets 503 where nobody can tell any more",
    )?;
    Ok(())
}
