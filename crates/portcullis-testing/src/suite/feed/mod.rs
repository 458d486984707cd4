//! Stores that can be followed through [`Feed`]: that everything arrives, as it was written.

mod contents;
mod copy;
mod entries;
mod rounds;
mod wake_ups;

use portcullis_core::Revoke;
use portcullis_core::feed::Feed;

use super::Setup;

pub use contents::{
    a_write_that_was_refused_does_not_arrive, an_entry_is_to_be_kept_until_its_tokens_are_dead,
    lookalikes_are_told_apart, of_two_writes_the_later_expiry_arrives,
    times_survive_to_the_millisecond, too_many_denials_of_a_subject_arrive_as_a_cutoff,
    what_was_merged_in_the_store_is_as_strict_in_the_copy,
};
pub(super) use copy::{Copy, told};
pub use rounds::{
    a_fact_that_grows_stricter_arrives_again, a_part_of_a_round_tells_no_position_beyond_it,
    a_round_of_many_reads_is_whole_and_ends,
    a_round_returns_everything_that_was_acknowledged_before_it,
    a_round_without_writes_is_complete_and_empty,
    a_snapshot_holds_everything_that_was_written_before_it,
    a_snapshot_holds_everything_until_it_is_over, a_snapshot_of_many_pages_is_whole,
    reading_again_from_the_same_place_returns_the_same_again,
    two_readers_do_not_disturb_each_other,
    what_is_written_while_a_snapshot_is_read_is_in_the_log_after_it,
};
pub use wake_ups::{a_wake_up_comes_only_before_there_is_something_to_read, wake_up};

cases! {
    $
    /// Tests a store that is a [`Feed`] and can be written to through
    /// [`Revoke`](portcullis_core::Revoke): `feed_tests!(make)` with an
    /// `async fn make(setup: Setup) -> S` that makes one that is initialised and empty: without the
    /// cutoff for everything that a new store begins with.
    ///
    /// See [`suite`](crate::suite).
    feed_tests, feed, make: (Setup) -> S: (Feed + Revoke) {
        a_snapshot_holds_everything_that_was_written_before_it,
        a_round_returns_everything_that_was_acknowledged_before_it,
        a_fact_that_grows_stricter_arrives_again,
        a_round_without_writes_is_complete_and_empty,
        a_snapshot_holds_everything_until_it_is_over,
        a_snapshot_of_many_pages_is_whole,
        a_part_of_a_round_tells_no_position_beyond_it,
        a_round_of_many_reads_is_whole_and_ends,
        what_is_written_while_a_snapshot_is_read_is_in_the_log_after_it,
        reading_again_from_the_same_place_returns_the_same_again,
        two_readers_do_not_disturb_each_other,
        lookalikes_are_told_apart,
        times_survive_to_the_millisecond,
        an_entry_is_to_be_kept_until_its_tokens_are_dead,
        of_two_writes_the_later_expiry_arrives,
        what_was_merged_in_the_store_is_as_strict_in_the_copy,
        too_many_denials_of_a_subject_arrive_as_a_cutoff,
        a_write_that_was_refused_does_not_arrive,
        a_wake_up_comes_only_before_there_is_something_to_read,
    }
}
