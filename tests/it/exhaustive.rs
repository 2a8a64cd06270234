//! Every world of a small size; `cargo run --profile fast --example exhaustive -- --length 5` runs
//! the larger ones.

use super::worlds::generated::{
    alphabet::Letter,
    exhaustive::{wait_in_all, wait_in_one},
    plan::Plan,
    tree::branch_through,
};

fn wait_in_all_of(plan: &Plan) -> u64 {
    let firsts = 0..plan.first_letters();
    firsts.map(|first| wait_in_all(plan, first).unwrap_or_else(|failure| panic!("{failure}"))).sum()
}

/// The same by the policy alone; in every so many worlds the loop waits too.
fn branch_through_all_of(plan: &Plan, every: u64) -> u64 {
    let firsts = 0..plan.first_letters();
    let through = |first| branch_through(plan, first, every);
    firsts.map(|first| through(first).unwrap_or_else(|failure| panic!("{failure}"))).sum()
}

#[test]
fn one_instance_fares_as_the_contract_says_in_every_world_of_two_polls() {
    let plans = Plan::for_one(&Letter::all(), 2);
    let worlds: u64 = plans.iter().map(|plan| branch_through_all_of(plan, 1)).sum();
    assert!(worlds > 10_000, "{worlds}");
}

#[test]
fn one_instance_fares_as_the_contract_says_in_every_world_of_slow_polls() {
    for plan in Plan::for_one(&Letter::one_of_each_verdict(), 2) {
        let plan = plan.with_latency(300).with_attempts(3);
        assert_eq!(branch_through_all_of(&plan, 1), wait_in_all_of(&plan), "{}", plan.id());
    }
}

#[test]
fn two_instances_fare_as_the_contract_says_in_every_world_of_one_poll_each() {
    let plans = Plan::for_two(&Letter::one_of_each_verdict(), 1);
    let worlds: u64 = plans.iter().map(wait_in_all_of).sum();
    assert!(worlds > 10_000, "{worlds}");
}

#[test]
fn a_world_can_be_waited_in_by_itself() {
    let plan = &Plan::for_one(&Letter::all(), 2)[0];
    assert!(plan.id().starts_with("ready 1 Quick"), "{}", plan.id());
    wait_in_one(plan, &[0, 1]).unwrap_or_else(|failure| panic!("{failure}"));
}
