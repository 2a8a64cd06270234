use super::*;
use crate::{
    backoff::Jitter,
    instance::{InstanceType, Region},
};

const SECOND: Duration = Duration::from_secs(1);

fn policy(ids: &[&str], change: impl FnOnce(&mut Rules)) -> Policy {
    let mut rules = Rules::default();
    change(&mut rules);
    let backoff = Backoff::new(SECOND, SECOND * 15, Jitter::Off).unwrap();
    Policy::new(rules, backoff, ids.iter().map(|id| InstanceId::new(id).unwrap()))
}

#[expect(clippy::unnecessary_wraps, reason = "it is an answer")]
fn instance(status: &str, ip: Option<&str>) -> Answer {
    Some(Ok(Instance {
        id: InstanceId::new("inst").unwrap(),
        instance_type: InstanceType::Gpu1xH100Sxm5,
        region: Region::UsWest,
        sector: None,
        ip: ip.map(|ip| ip.parse().unwrap()),
        status: status.into(),
        creator_user_nickname: None,
    }))
}

const IP: &str = "203.0.113.1";

/// Polls at this second, with these answers for those that are due.
fn poll(policy: &mut Policy, at: u32, answers: Vec<Answer>) {
    let due = policy.due();
    assert_eq!(due.len(), answers.len(), "{due:?}");
    policy.record_round(&due, answers, SECOND * at, SECOND * at, &mut ());
}

fn reach(policy: &mut Policy, position: usize, at: u32) {
    policy.record_probe(position, IP.parse().unwrap(), Ok(()), SECOND * at, &mut ());
}

#[test]
fn with_any_the_others_are_given_up_only_once_an_address_is_confirmed() {
    let mut policy = policy(&["a", "b"], |rules| {
        rules.condition = Condition::Tcp { port: 80 };
        (rules.any, rules.fail_fast) = (true, true);
    });
    poll(&mut policy, 0, vec![instance("ready", Some(IP)), instance("pending", None)]);
    reach(&mut policy, 0, 20);
    assert_eq!(policy.decide(), Decision::PollAt(SECOND * 20, Why::Confirmation));
    assert_eq!(policy.due(), [0]);
    poll(&mut policy, 20, vec![instance("init", None)]);
    assert_eq!(policy.due(), [1, 0]);
    poll(&mut policy, 21, vec![instance("pending", None), instance("ready", Some(IP))]);
    reach(&mut policy, 0, 22);
    assert_eq!(policy.decide(), Decision::Finish);
    assert_eq!(policy.watches()[0].ending(), Some(Ending::Met(IP.parse().ok())));
    assert_eq!(policy.watches()[1].ending(), Some(Ending::Abandoned));
}

#[test]
fn fail_fast_confirms_no_address_after_a_failure() {
    let mut policy = policy(&["a", "b"], |rules| rules.fail_fast = true);
    poll(&mut policy, 0, vec![instance("ready", Some(IP)), instance("pending", None)]);
    poll(&mut policy, 30, vec![instance("stopped", None)]);
    assert_eq!(policy.decide(), Decision::Finish);
}
