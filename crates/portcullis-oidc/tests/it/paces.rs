//! When it is fetched, over hours and days of a clock that only goes on when nothing else happens.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{Request, Response};
use portcullis::{Clock, Timestamp};
use portcullis_oidc::{Fetch, Refresher, RemoteKeys, RemoteKeysBuilder};
use tokio::time::{Instant, sleep};

use crate::support::{HOUR, SECOND};

/// The paused time of tokio.
struct Paused(Instant);

impl Clock for Paused {
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(0)
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// Notes when it is asked, and answers as it is told.
#[derive(Clone)]
struct Noting {
    began: Instant,
    asked: Arc<Mutex<Vec<Duration>>>,
    answer: Arc<Mutex<Option<&'static str>>>,
}

impl Noting {
    /// Answers with this `Cache-Control`; `None` is a 500.
    fn new(cache_control: Option<&'static str>) -> Self {
        let answer = Arc::new(Mutex::new(cache_control));
        Self { began: Instant::now(), asked: Arc::default(), answer }
    }

    fn keys(&self) -> RemoteKeys {
        self.builder().spawn_with(self.clone()).unwrap()
    }

    fn builder(&self) -> RemoteKeysBuilder {
        RemoteKeys::from_jwk_set_url("https://idp.example.com/keys").clock(Paused(self.began))
    }

    /// The times between requests.
    fn pauses(&self) -> Vec<Duration> {
        let asked = self.asked.lock().unwrap();
        asked.windows(2).map(|pair| pair[1] - pair[0]).collect()
    }
}

impl Fetch for Noting {
    type Body = String;
    type Error = Infallible;

    async fn fetch(&self, _: Request<()>) -> Result<Response<String>, Infallible> {
        self.asked.lock().unwrap().push(self.began.elapsed());
        let response = match *self.answer.lock().unwrap() {
            Some(header) => Response::builder().header("cache-control", header),
            None => Response::builder().status(500),
        };
        Ok(response.body(r#"{"keys":[]}"#.to_owned()).unwrap())
    }
}

#[tokio::test(start_paused = true)]
async fn refreshes_follow_the_issuer_within_bounds() {
    for (header, least, most) in [
        ("max-age=1000", 800, 951),
        ("max-age=86400", 2880, 3421),
        ("max-age=1", 60, 61),
        ("no-store", 60, 61),
        ("public", 480, 571),
    ] {
        let noting = Noting::new(Some(header));
        let keys = noting.keys();
        sleep(10 * HOUR).await;
        let pauses = noting.pauses();
        assert!(!pauses.is_empty());
        for pause in &pauses {
            assert!(*pause >= least * SECOND && *pause < most * SECOND, "{header}: {pause:?}");
        }
        // they do not all come at the same time
        if least > 60 {
            assert!(pauses.iter().any(|pause| *pause != pauses[0]), "{pauses:?}");
        }
        assert!(keys.status().is_ready());
    }
}

#[tokio::test(start_paused = true)]
async fn failures_are_tried_again_ever_less_often_up_to_a_minute() {
    let noting = Noting::new(None);
    let keys = noting.keys();
    sleep(HOUR).await;
    let pauses = noting.pauses();
    for (n, pause) in pauses.iter().enumerate() {
        let full = SECOND * (1 << n.min(6)).min(60);
        // timers are of a millisecond
        assert!(*pause >= full / 2 && *pause <= full + SECOND / 500, "{n}: {pause:?}");
    }
    assert!(pauses.len() >= 60 && pauses.len() < 140, "{}", pauses.len());
    assert_eq!(keys.status().failures() as usize, pauses.len() + 1);

    *noting.answer.lock().unwrap() = Some("max-age=3600");
    keys.ready().await.unwrap();
    assert_eq!(keys.status().failures(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_noticed_long_before_keys_expire() {
    let noting = Noting::new(Some("max-age=3600"));
    let keys = noting.keys();
    keys.ready().await.unwrap();
    *noting.answer.lock().unwrap() = None;
    sleep(23 * HOUR).await;
    let status = keys.status();
    assert!(status.is_ready() && status.trusted_for() <= HOUR);
    assert!(status.failures() > 1000 && status.last_error().is_some());
    sleep(2 * HOUR).await;
    assert!(!keys.status().is_ready());
    *noting.answer.lock().unwrap() = Some("max-age=3600");
    sleep(61 * SECOND).await;
    assert!(keys.status().is_ready());
}

#[tokio::test(start_paused = true)]
async fn one_task_keeps_thousands_of_issuers_fresh() {
    let noting = Noting::new(Some("max-age=1000"));
    let (refresher, driver) = Refresher::new(noting.clone());
    let task = tokio::spawn(driver);
    let keys: Vec<_> = (0..5_000).map(|_| refresher.add(noting.builder()).unwrap()).collect();
    for keys in &keys {
        keys.ready().await.unwrap();
    }
    assert_eq!(noting.asked.lock().unwrap().len(), 5_000);
    sleep(952 * SECOND).await;
    assert_eq!(noting.asked.lock().unwrap().len(), 10_000, "each once more");
    drop(keys);
    drop(refresher);
    task.await.unwrap();
}

/// An issuer that takes an hour to answer.
struct Slow(portcullis_testing::TestClock);

impl Fetch for Slow {
    type Body = String;
    type Error = Infallible;

    async fn fetch(&self, _: Request<()>) -> Result<Response<String>, Infallible> {
        self.0.advance(HOUR);
        Ok(Response::new(r#"{"keys":[]}"#.to_owned()))
    }
}

#[tokio::test]
async fn keys_are_as_old_as_the_question_and_not_as_the_answer() {
    let clock = portcullis_testing::TestClock::at(0);
    let builder = RemoteKeys::from_jwk_set_url("https://idp.example.com/keys");
    let keys = builder.clock(clock.clone()).spawn_with(Slow(clock)).unwrap();
    keys.ready().await.unwrap();
    assert_eq!(keys.status().trusted_for(), 23 * HOUR);
}
