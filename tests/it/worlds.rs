//! A few thousand generated worlds; `cargo run --profile fast --example worlds -- --seeds 0..1000000`
//! runs a million.

#[allow(dead_code, reason = "some of it is for the programs in examples/")]
#[path = "../worlds/mod.rs"]
pub(crate) mod generated;

use generated::{Shape, run, sights::Sight};

const WORLDS_OF_A_SHAPE: u64 = 500;

fn run_all(shape: Shape) -> Vec<Sight> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let mut codes = std::collections::BTreeSet::new();
    let mut sights = Vec::new();
    runtime.block_on(async {
        for seed in 0..WORLDS_OF_A_SHAPE {
            let outcome = run(seed, shape).await.unwrap_or_else(|failure| panic!("{failure}"));
            assert!(outcome.rounds > 0 || shape == Shape::Dropped);
            codes.insert(outcome.code);
            sights.extend(outcome.sights);
        }
    });
    assert!(codes.contains(&0), "a world in which all goes wrong proves little: {codes:?}");
    let is_tame = matches!(shape, Shape::Simple | Shape::Dropped);
    assert!(is_tame || codes.len() > 6, "{shape} worlds are too tame: {codes:?}");
    sights
}

/// That each of these is met with, and not once only.
fn assert_met_with(sights: &[Sight], due: &[Sight]) {
    for sight in due {
        let times = sights.iter().filter(|met| *met == sight).count();
        assert!(times > 2, "{sight:?}: {times}");
    }
}

#[test]
fn one_instance_fares_as_the_contract_says() {
    run_all(Shape::Simple);
    run_all(Shape::Wire);
    let due = [Sight::ForeignPassedOver, Sight::ForeignBelieved, Sight::SpreadHint];
    assert_met_with(&run_all(Shape::Rough), &due);
}

#[test]
fn an_instance_that_is_to_be_reached_fares_as_the_contract_says() {
    assert_met_with(&run_all(Shape::Probed), &[Sight::ReachedThenNot, Sight::FailedCommand]);
}

#[test]
fn several_instances_fare_as_the_contract_says() {
    assert_met_with(&run_all(Shape::Fleet), &[Sight::ShareOfNews, Sight::SpreadHint]);
    assert_met_with(&run_all(Shape::Pages), &[Sight::ShareOfNews, Sight::NoList]);
}

#[test]
fn several_instances_that_are_to_be_reached_fare_as_the_contract_says() {
    let due = [Sight::ReachedThenNot, Sight::FailedCommand];
    assert_met_with(&run_all(Shape::ProbedFleet), &due);
}

#[test]
fn the_shapes_have_names_that_can_be_asked_for() {
    for (shape, name) in Shape::ALL {
        assert_eq!((name.parse(), shape.to_string().as_str()), (Ok(shape), name));
    }
    assert!("square".parse::<Shape>().is_err());
}

#[test]
fn a_process_that_was_stopped_past_its_deadline_polls_once_more() {
    assert_met_with(&run_all(Shape::Overslept), &[Sight::LatePoll]);
}

#[test]
fn a_wait_that_is_dropped_at_any_await_tells_what_was_seen_until_then() {
    assert_met_with(&run_all(Shape::Dropped), &[Sight::Dropped]);
}
