//! Every world of a small size; `cargo run --profile fast --example exhaustive -- --length 5` runs
//! the larger ones.

use super::worlds::generated::{
    alphabet::Letter,
    exhaustive::{wait_in_all, wait_in_one},
    plan::Plan,
    tree::branch_through,
};

fn run_all(plans: Vec<Plan>) -> u64 {
    let mut worlds = 0;
    for plan in plans {
        for first in 0..plan.first_letters() {
            worlds += wait_in_all(&plan, first).unwrap_or_else(|failure| panic!("{failure}"));
        }
    }
    worlds
}

#[test]
fn one_instance_fares_as_the_contract_says_in_every_world_of_two_polls() {
    let worlds = run_all(Plan::for_one(&Letter::all(), 2));
    assert!(worlds > 10_000, "{worlds}");
}

#[test]
fn one_instance_fares_as_the_contract_says_in_every_world_of_slow_polls() {
    let plans = Plan::for_one(&Letter::one_of_each_verdict(), 3);
    run_all(plans.into_iter().map(|plan| plan.with_latency(300)).collect());
}

#[test]
fn two_instances_fare_as_the_contract_says_in_every_world_of_one_poll_each() {
    run_all(Plan::for_two(&Letter::one_of_each_verdict(), 1));
}

#[test]
fn the_loop_goes_as_the_tree_does_in_every_world_of_two_polls() {
    let late = Plan::for_one(&Letter::one_of_each_verdict(), 2).into_iter();
    let late = late.map(|plan| plan.with_latency(300).with_attempts(3));
    for plan in Plan::for_one(&Letter::all(), 2).into_iter().chain(late) {
        for first in 0..plan.first_letters() {
            let worlds = branch_through(&plan, first, 1).unwrap_or_else(|e| panic!("{e}"));
            let by_loop = wait_in_all(&plan, first).unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(worlds, by_loop, "{} {first}", plan.id());
        }
    }
}

#[test]
fn a_world_can_be_waited_in_by_itself() {
    let plan = &Plan::for_one(&Letter::all(), 2)[0];
    assert!(plan.id().starts_with("ready 1 Quick"), "{}", plan.id());
    wait_in_one(plan, &[0, 1]).unwrap_or_else(|failure| panic!("{failure}"));
}
