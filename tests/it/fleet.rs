//! Several instances: one loop, pages or single requests, results in order.

use std::{
    collections::HashMap,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use wait_ready::{
    answer::instance::InstanceId,
    simulate::{
        server::SimulatedApi,
        simulation::{Outcome, Simulation},
    },
};

use crate::fixture::{
    program::{Ended, Program},
    server::{Act, Asked, Server, answer, asked, at, described, error, page},
};

fn one(id: &str, status: &str) -> String {
    let ip = (status == "ready").then(|| at(&format!("203.0.113.{}", last_number(id))));
    described(id, status, &ip.unwrap_or_default())
}

fn last_number(id: &str) -> u32 {
    id.trim_start_matches(|c: char| !c.is_ascii_digit()).parse().unwrap_or(0) + 1
}

fn wait(server: &Server, ids: &[&str], options: &[&str]) -> Ended {
    let more: Vec<&str> = ids[1..].iter().chain(options).copied().collect();
    Program::asking_for(ids[0], server, &more).run()
}

fn ids_of(ended: &Ended) -> Vec<String> {
    ended
        .stdout
        .lines()
        .map(|line| {
            let record: serde_json::Value = serde_json::from_str(line).unwrap();
            record["id"].as_str().unwrap().to_owned()
        })
        .collect()
}

#[test]
fn several_cost_one_page_a_round_and_come_in_argument_order() {
    let round = AtomicUsize::new(0);
    let server = Server::responding(move |_, seen| match asked(seen) {
        Asked::Page(_) => {
            let status = if round.fetch_add(1, Ordering::SeqCst) < 2 { "pending" } else { "ready" };
            page(&["i1", "i2", "i3"].map(|id| one(id, status)), None)
        }
        Asked::One(_) => error(500, &[]),
    });
    let ended = wait(&server, &["i3", "i1", "i3", "i2"], &[]);
    ended.assert(0, "203.0.113.4\n203.0.113.2\n203.0.113.3\n");
    assert_eq!(server.count(), 3, "{:?}", server.seen());
    assert!(server.seen()[0].target.contains("limit="), "{:?}", server.seen());
}

#[test]
fn the_last_one_waiting_is_asked_for_by_name() {
    let server = Server::responding(|number, seen| match asked(seen) {
        Asked::Page(_) => page(&[one("i1", "ready"), one("i2", "pending")], None),
        Asked::One("i2") => {
            answer(200, &[], &one("i2", if number < 4 { "pending" } else { "ready" }))
        }
        Asked::One(id) => answer(200, &[], &one(id, "ready")),
    });
    wait(&server, &["i1", "i2"], &[]).assert(0, "203.0.113.2\n203.0.113.3\n");
    let pages = server.seen().iter().filter(|seen| matches!(asked(seen), Asked::Page(_))).count();
    assert_eq!(pages, 1, "{:?}", server.seen());
}

#[test]
fn pages_are_followed_by_their_cursor() {
    let server = Server::responding(|_, seen| match asked(seen) {
        Asked::Page(None) => page(&[one("i1", "ready"), one("other", "ready")], Some("c%2F2")),
        Asked::Page(Some("c%252F2")) => page(&[one("i2", "ready")], Some("3")),
        Asked::Page(Some("3")) => page(&[one("i3", "ready"), one("i4", "ready")], None),
        _ => error(400, &[]),
    });
    let ended = wait(&server, &["i1", "i2", "i3", "i4"], &[]);
    assert_eq!((ended.code(), ended.stdout.lines().count()), (Some(0), 4), "{ended:#?}");
    assert_eq!(server.count(), 3);
}

#[test]
fn a_pager_that_repeats_its_cursor_is_bounded_and_transient() {
    let server = Server::responding(|number, seen| match asked(seen) {
        Asked::Page(_) if number < 4 => page(&[one("i1", "ready")], Some("again")),
        Asked::Page(_) => page(&["i1", "i2", "i3", "i4"].map(|id| one(id, "ready")), None),
        // Its address is confirmed before it is used.
        Asked::One("i1") => answer(200, &[], &one("i1", "ready")),
        Asked::One(_) => error(500, &[]),
    });
    let ended = wait(&server, &["i1", "i2", "i3", "i4"], &[]);
    assert_eq!((ended.code(), ended.stdout.lines().count()), (Some(0), 4), "{ended:#?}");
    ended.says("the list of instances: malformed answer: the list repeats a cursor");
}

#[test]
fn a_list_that_never_ends_costs_no_more_than_single_requests() {
    let number = AtomicUsize::new(0);
    let server = Server::responding(move |_, seen| match asked(seen) {
        Asked::Page(_) => {
            let next = number.fetch_add(1, Ordering::SeqCst).to_string();
            page(&[], Some(&next))
        }
        Asked::One(id) => answer(200, &[], &one(id, "ready")),
    });
    let ended = wait(&server, &["i1", "i2", "i3"], &[]);
    assert_eq!((ended.code(), ended.stdout.lines().count()), (Some(0), 3), "{ended:#?}");
    assert_eq!(server.count(), 6);
}

#[test]
fn of_an_instance_on_two_pages_the_later_one_counts() {
    let server = Server::responding(|_, seen| match asked(seen) {
        Asked::Page(None) => page(&[one("i1", "pending")], Some("2")),
        Asked::Page(_) => page(&[one("i1", "ready"), one("i2", "ready")], None),
        Asked::One(_) => error(500, &[]),
    });
    wait(&server, &["i1", "i2", "i2"], &[]).assert(0, "203.0.113.2\n203.0.113.3\n");
}

#[test]
fn an_instance_missing_from_the_list_is_confirmed_by_its_own_request() {
    let server = Server::responding(|_, seen| match asked(seen) {
        Asked::Page(_) => page(&[one("i1", "ready")], None),
        Asked::One("i2") => answer(200, &[], &one("i2", "ready")),
        Asked::One(_) => error(404, &[]),
    });
    wait(&server, &["i1", "i2"], &[]).assert(0, "203.0.113.2\n203.0.113.3\n");
}

#[test]
fn an_instance_deleted_during_the_wait_is_exit_5() {
    let server = Server::responding(|number, seen| match asked(seen) {
        Asked::Page(_) if number == 0 => page(&[one("i1", "pending"), one("i2", "pending")], None),
        Asked::Page(_) => page(&[one("i1", "ready")], None),
        Asked::One("i1") => answer(200, &[], &one("i1", "ready")),
        Asked::One(_) => error(404, &[]),
    });
    wait(&server, &["i1", "i2"], &[]).assert(5, "").says("i2 was deleted during the wait");
}

#[test]
fn a_refused_list_is_replaced_by_single_requests_and_reported_once() {
    for status in [403, 404, 405, 501] {
        let server = Server::responding(move |number, seen| match asked(seen) {
            Asked::Page(_) => error(status, &[]),
            Asked::One(id) => {
                answer(200, &[], &one(id, if number < 6 { "pending" } else { "ready" }))
            }
        });
        let ended = wait(&server, &["i1", "i2", "i3"], &[]);
        assert_eq!((ended.code(), ended.stdout.lines().count()), (Some(0), 3), "{ended:#?}");
        assert_eq!(ended.stderr.matches("requesting each instance").count(), 1, "{ended:#?}");
        let pages = server.seen().iter().filter(|s| matches!(asked(s), Asked::Page(_))).count();
        assert_eq!(pages, 1);
    }
}

#[test]
fn a_refusal_of_every_request_is_not_attributed_to_the_list() {
    let server = Server::responding(|_, _| error(400, &[]));
    wait(&server, &["i1", "i2"], &[]).assert(6, "");
    assert_eq!(server.count(), 3);
}

/// An API whose list always answers this.
#[track_caller]
fn list_is_replaced(act: &Act, says: &str, pages: usize) {
    let (singles, list) = (AtomicUsize::new(0), act.clone());
    let server = Server::responding(move |_, seen| match asked(seen) {
        Asked::Page(_) => list.clone(),
        Asked::One(id) => {
            let status =
                if singles.fetch_add(1, Ordering::SeqCst) < 6 { "pending" } else { "ready" };
            answer(200, &[], &one(id, status))
        }
    });
    let ended = wait(&server, &["i1", "i2", "i3"], &[]);
    ended.assert(0, "203.0.113.2\n203.0.113.3\n203.0.113.4\n");
    let said = ended.stderr.lines().filter(|line| line.contains("requesting each instance"));
    let said: Vec<&str> = said.collect();
    assert!(said.len() == 1 && said[0].contains(says), "{says}: {ended:#?}");
    let asked = server.seen().iter().filter(|s| matches!(asked(s), Asked::Page(_))).count();
    assert_eq!(asked, pages, "{says}");
}

#[test]
fn a_list_whose_first_page_is_refused_is_replaced_immediately() {
    for status in [400, 402, 403, 404, 405, 410, 422, 501] {
        list_is_replaced(&error(status, &[]), &format!("HTTP {status}: said"), 1);
    }
    let limit = r#"{"detail":[{"loc":["query","limit"],"msg":"must be <= 50"}]}"#;
    list_is_replaced(&answer(422, &[], limit), "query.limit: must be <= 50", 1);
    let page = answer(403, &[("Content-Type", "text/html")], "<title>Blocked</title>");
    list_is_replaced(&page, "\"Blocked\"", 1);
    list_is_replaced(&answer(302, &[("Location", "https://x/")], ""), "a redirect", 1);
}

#[test]
fn an_unreadable_list_is_replaced_immediately() {
    let here = one("i1", "ready");
    for body in [
        format!("[{here}]"),
        format!(r#"{{"data":[{here}]}}"#),
        r#"{"instances":null}"#.to_owned(),
        format!(r#"{{"instances":[{here}],"next_cursor":2}}"#),
        format!(r#"{{"instances":[{here}],"has_more":"no"}}"#),
        "<html><title>Sign in</title>".to_owned(),
        String::new(),
        " ".repeat((1 << 20) + 1),
    ] {
        list_is_replaced(&answer(200, &[], &body), "the list of instances: ", 1);
    }
}

#[test]
fn a_list_that_fails_three_rounds_in_a_row_is_replaced() {
    for act in [error(500, &[]), error(502, &[]), Act::Reset] {
        list_is_replaced(&act, "the list of instances: ", 3);
    }
}

#[test]
fn a_later_page_that_fails_three_rounds_in_a_row_is_replaced() {
    let server = Server::responding(|_, seen| match asked(seen) {
        Asked::Page(None) => page(&[one("i1", "pending")], Some("2")),
        Asked::Page(_) => error(500, &[]),
        Asked::One(id) => answer(200, &[], &one(id, "ready")),
    });
    let ended = wait(&server, &["i1", "i2", "i3"], &[]);
    assert_eq!((ended.code(), ended.stdout.lines().count()), (Some(0), 3), "{ended:#?}");
    assert_eq!(ended.stderr.matches("requesting each instance").count(), 1, "{ended:#?}");
}

#[test]
fn an_outage_of_the_whole_api_costs_one_request_more_a_round_and_not_the_list() {
    let server = Server::responding(|number, seen| match asked(seen) {
        _ if number < 12 => error(500, &[]),
        Asked::Page(_) => page(&["i1", "i2", "i3"].map(|id| one(id, "ready")), None),
        Asked::One(_) => error(500, &[]),
    });
    let ended = wait(&server, &["i1", "i2", "i3"], &[]);
    assert_eq!((ended.code(), ended.stdout.lines().count()), (Some(0), 3), "{ended:#?}");
    ended.never_says("requesting each instance");
}

#[test]
fn a_listing_that_a_rate_limit_cuts_goes_on_where_it_stopped() {
    // Two requests a window, three pages: the third is read in the second round.
    let server = Server::responding(|number, seen| match asked(seen) {
        _ if number % 3 == 2 => error(429, &[("Retry-After", "0")]),
        Asked::Page(None) => page(&[one("i1", "ready")], Some("2")),
        Asked::Page(Some("2")) => page(&[one("i2", "ready")], Some("3")),
        Asked::Page(_) => page(&[one("i3", "ready")], None),
        Asked::One("gone") => error(404, &[]),
        Asked::One(id) => answer(200, &[], &one(id, "ready")),
    });
    let ended = wait(&server, &["i1", "i2", "i3", "i4"], &["--timeout", "20s"]);
    assert_eq!((ended.code(), ended.stdout.lines().count()), (Some(0), 4), "{ended:#?}");
    let cursors: Vec<_> = server.seen().iter().map(|seen| seen.target.clone()).collect();
    assert!(cursors[2].ends_with("cursor=3") && cursors[3].ends_with("cursor=3"), "{cursors:?}");
}

#[test]
fn refused_credentials_at_the_list_end_the_wait() {
    let server = Server::responding(|_, _| error(401, &[]));
    wait(&server, &["i1", "i2"], &[]).assert(4, "").says("the same for 1 more");
    assert_eq!(server.count(), 1);
}

#[test]
fn a_fault_of_the_list_is_logged_once_for_all_instances() {
    let server = Server::responding(|number, seen| match asked(seen) {
        Asked::Page(_) if number == 0 => error(502, &[]),
        _ => page(&["i1", "i2", "i3"].map(|id| one(id, "ready")), None),
    });
    let ended = wait(&server, &["i1", "i2", "i3"], &[]);
    ended.says("i1 (and 2 others)  the list of instances: HTTP 502");
    assert_eq!(ended.stderr.matches("HTTP 502").count(), 1, "{ended:#?}");
}

#[test]
fn a_page_in_front_of_the_api_is_not_attributed_to_the_list() {
    let server = Server::responding(|number, seen| match asked(seen) {
        _ if number < 2 => answer(403, &[("Content-Type", "text/html")], "<title>Blocked</title>"),
        Asked::Page(_) => page(&["i1", "i2", "i3"].map(|id| one(id, "ready")), None),
        Asked::One(_) => error(500, &[]),
    });
    let ended = wait(&server, &["i1", "i2", "i3"], &[]);
    assert_eq!((ended.code(), ended.stdout.lines().count()), (Some(0), 3), "{ended:#?}");
    ended.never_says("requesting each instance");
    assert_eq!(server.count(), 3);
}

#[test]
fn a_proxy_that_refuses_is_asked_once_for_all_instances() {
    let server = Server::responding(|_, _| error(407, &[]));
    wait(&server, &["i1", "i2", "i3"], &[]).assert(6, "").says("407");
    assert_eq!(server.count(), 1);
}

#[test]
fn a_refused_key_stops_the_single_requests_and_a_403_concerns_one_instance() {
    let ids = names(40);
    let more: Vec<&str> = ids[1..].iter().map(String::as_str).collect();
    let server = Server::responding(|number, seen| match asked(seen) {
        Asked::Page(_) => error(404, &[]),
        Asked::One(id) if number == 1 => answer(200, &[], &one(id, "pending")),
        Asked::One(_) => error(401, &[]),
    });
    Program::asking_for(&ids[0], &server, &more).run().assert(4, "");
    // Two rounds with at most eight requests in flight: an accepted key needs two refusals.
    assert!(server.count() <= 20, "{}", server.count());
    let server = Server::responding(|_, seen| match asked(seen) {
        Asked::Page(_) => error(404, &[]),
        Asked::One("inst_00001") => error(403, &[]),
        Asked::One(id) => answer(200, &[], &one(id, "ready")),
    });
    let ended = Program::asking_for(&ids[0], &server, &more).run();
    ended.assert(4, "").says("access to inst_00001\n").says("39 of 40 met the condition");
}

#[test]
fn a_listing_whose_cursor_is_forgotten_starts_again_within_the_round() {
    let server = Server::responding(|number, seen| match asked(seen) {
        Asked::Page(Some(_)) if number == 1 => error(429, &[("Retry-After", "0")]),
        Asked::Page(Some("2")) if number == 2 => error(400, &[]),
        Asked::Page(None) if number == 0 => page(&[one("i1", "pending")], Some("2")),
        Asked::Page(_) => page(&["i1", "i2", "i3"].map(|id| one(id, "ready")), None),
        Asked::One(_) => error(500, &[]),
    });
    let ended = wait(&server, &["i1", "i2", "i3"], &["-v"]);
    assert_eq!((ended.code(), ended.stdout.lines().count()), (Some(0), 3), "{ended:#?}");
    ended.never_says("HTTP 400");
    assert_eq!(server.count(), 4);
}

#[test]
fn a_listing_that_goes_on_reads_as_many_pages_as_a_new_one() {
    let server = Server::responding(|number, seen| match asked(seen) {
        _ if number == 2 => error(429, &[("Retry-After", "0")]),
        Asked::Page(None) => page(&[one("i1", "pending")], Some("2")),
        Asked::Page(Some("2")) => page(&[one("i2", "pending")], Some("3")),
        Asked::Page(Some("3")) => page(&[one("i3", "ready")], Some("4")),
        Asked::Page(_) => page(&[one("i4", "ready")], None),
        Asked::One(id) => answer(200, &[], &one(id, "ready")),
    });
    let ended = wait(&server, &["i1", "i2", "i3", "i4"], &[]);
    assert_eq!((ended.code(), ended.stdout.lines().count()), (Some(0), 4), "{ended:#?}");
    assert!(server.seen()[4].target.ends_with("cursor=4"), "{:?}", server.seen());
}

#[test]
fn any_succeeds_with_the_first_and_prints_only_that_one() {
    let server = Server::responding(|_, _| page(&[one("i1", "pending"), one("i2", "ready")], None));
    wait(&server, &["i1", "i2"], &["--any"]).assert(0, "203.0.113.3\n");
    let both = [one("i1", "ready"), one("i2", "ready")];
    let server = Server::responding(move |_, _| page(&both, None));
    wait(&server, &["i2", "i1"], &["--any"]).assert(0, "203.0.113.3\n");
    let server =
        Server::responding(|_, _| page(&[one("i1", "stopped"), one("i2", "stopped")], None));
    wait(&server, &["i1", "i2"], &["--any"]).assert(3, "");
}

#[test]
fn the_code_is_that_of_the_first_in_argument_order_that_did_not_meet_the_condition() {
    let server = Server::responding(|number, seen| match asked(seen) {
        Asked::Page(_) if number == 0 => {
            page(&[one("i1", "ready"), one("i2", "pending"), one("i3", "stopped")], None)
        }
        Asked::Page(_) => page(&[one("i1", "ready"), one("i2", "pending")], None),
        Asked::One(id) => answer(200, &[], &one(id, if id == "i1" { "ready" } else { "pending" })),
    });
    wait(&server, &["i1", "i2", "i3"], &["--timeout", "300ms"]).assert(124, "");
    let ended = wait(&server, &["i3", "i2", "i1"], &["--timeout", "300ms"]);
    assert_eq!(ended.code(), Some(124), "the pages of the first wait are over: {ended:#?}");
}

#[test]
fn fail_fast_stops_at_the_first_that_cannot() {
    let server =
        Server::responding(|_, _| page(&[one("i1", "pending"), one("i2", "stopped")], None));
    wait(&server, &["i1", "i2"], &["--fail-fast"]).assert(3, "").says("i2 is stopped");
    assert_eq!(server.count(), 1);
}

#[test]
fn an_old_address_is_confirmed_before_it_is_used() {
    let server = Server::responding(|number, seen| match asked(seen) {
        Asked::Page(_) => page(&[one("i1", "ready"), one("i2", "pending")], None),
        Asked::One("i2") => {
            answer(200, &[], &one("i2", if number < 8 { "pending" } else { "ready" }))
        }
        Asked::One(_) => answer(200, &[], &one("i1", "stopped")),
    });
    wait(&server, &["i1", "i2"], &[]).assert(3, "").says("i1 is stopped");
}

#[test]
fn ids_come_from_a_file_and_from_standard_input() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("nodes");
    std::fs::write(&file, "i2\n# a comment\n\n").unwrap();
    let at_file = format!("@{}", file.display());
    let ended = Program::new(["i1", &at_file, "@-", "--simulate=ready", "-o", "json"])
        .stdin("i3\r\ni1\n")
        .run();
    assert_eq!(ids_of(&ended), ["i1", "i2", "i3"]);
}

/// A simulated API with this many instances, served for as long as the closure runs.
fn with_api<T>(simulation: Simulation, run: impl FnOnce(&SimulatedApi) -> T) -> (T, Simulation) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let api = runtime.block_on(SimulatedApi::start(simulation)).unwrap();
    let result = run(&api);
    (result, api.snapshot())
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("inst_{n:05}")).collect()
}

fn simulation(script: &str, count: usize) -> Simulation {
    let ids = names(count).into_iter().map(|name| InstanceId::new(&name).unwrap());
    Simulation::new(script.parse().unwrap(), ids)
}

fn wait_for_all(api: &SimulatedApi, count: usize, options: &[&str]) -> Ended {
    Program::new(["@-", "-o", "json"].iter().chain(options).copied())
        .env("FAL_API_URL", api.url())
        .env("FAL_KEY", api.key())
        .stdin(&names(count).join("\n"))
        .run()
}

#[test]
fn ten_thousand_instances_cost_a_hundred_pages_a_round_and_come_in_order() {
    const COUNT: usize = 10_000;
    let options = ["--min-delay", "1s", "--max-delay", "1s", "-q"];
    let (ended, api) =
        with_api(simulation("pending,ready", COUNT), |api| wait_for_all(api, COUNT, &options));
    assert_eq!((ended.code(), ended.stderr.as_str()), (Some(0), ""));
    assert_eq!(ids_of(&ended), names(COUNT));
    assert!(api.requests().iter().all(|request| request.id.is_none()), "single requests");
    assert_eq!(api.requests().len() % 100, 0, "{}", api.requests().len());
}

#[test]
fn sixty_instances_behind_a_limit_are_never_asked_for_earlier_than_a_hint_allows() {
    const COUNT: usize = 60;
    // Eight in flight when the hint came, and one more for each that was answered before it arrived.
    const UNDER_WAY: usize = 16;
    let limited = simulation("ready", COUNT).limited_to(20).refusing_lists(403);
    let (ended, api) = with_api(limited, |api| {
        wait_for_all(api, COUNT, &["--min-delay", "10ms", "--max-delay", "20ms", "-q"])
    });
    assert_eq!((ended.code(), ended.stdout.lines().count()), (Some(0), COUNT), "{}", ended.stderr);
    let throttled: Vec<Duration> = api
        .requests()
        .iter()
        .filter(|request| matches!(request.outcome, Outcome::Throttled(_)))
        .map(|request| request.at)
        .collect();
    assert!(throttled.len() > 3, "the limit was never met");
    for hint_at in throttled {
        let pause = hint_at..hint_at + Duration::from_secs(1);
        let asked = api.requests().iter().filter(|request| pause.contains(&request.at)).count();
        assert!(asked <= UNDER_WAY, "{asked} after {hint_at:?}");
    }
}

#[test]
fn at_most_eight_requests_are_in_flight() {
    let open = Mutex::new(HashMap::<usize, usize>::new());
    let server = Server::responding(move |_, seen| match asked(seen) {
        Asked::Page(_) => error(403, &[]),
        Asked::One(id) => {
            *open.lock().unwrap().entry(seen.connection).or_default() += 1;
            let body = one(id, "ready");
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
            Act::Slow(Vec::new(), Duration::from_millis(20), format!("{head}{body}").into_bytes())
        }
    });
    let names = names(60);
    let ids: Vec<&str> = names.iter().map(String::as_str).collect();
    let ended = wait(&server, &ids, &["-q"]);
    assert_eq!((ended.code(), ended.stdout.lines().count()), (Some(0), 60), "{ended:#?}");
    // HTTP/1.1 without pipelining has one request in flight for each connection.
    let connections = server.seen().iter().map(|seen| seen.connection).max().unwrap() + 1;
    assert!((2..=9).contains(&connections), "{connections}");
}

#[test]
fn a_refused_cursor_is_transient() {
    for status in [400, 410, 422] {
        let refusals = AtomicUsize::new(0);
        let server = Server::responding(move |_, seen| match asked(seen) {
            Asked::One(id) => answer(200, &[], &one(id, "ready")),
            Asked::Page(None) => page(&[one("inst_0", "ready")], Some("2")),
            Asked::Page(_) if refusals.fetch_add(1, Ordering::Relaxed) == 0 => error(status, &[]),
            Asked::Page(_) => page(&[one("inst_1", "ready"), one("inst_2", "ready")], None),
        });
        let ended = Program::asking_for("inst_0", &server, &["inst_1", "inst_2"]).run();
        ended.assert(0, "203.0.113.1\n203.0.113.2\n203.0.113.3\n");
        ended.says(&format!("the list broke off: HTTP {status}"));
    }
}

#[test]
fn an_answer_counts_if_the_deadline_cuts_its_round() {
    let server = Server::responding(|_, seen| match asked(seen) {
        Asked::One("inst_0") => answer(200, &[], &one("inst_0", "ready")),
        Asked::One("inst_1") => Act::Bytes(Vec::new()),
        _ => error(403, &[]),
    });
    let ended =
        Program::asking_for("inst_0", &server, &["inst_1", "--any", "--timeout", "3s"]).run();
    ended.assert(0, "203.0.113.1\n");
}
