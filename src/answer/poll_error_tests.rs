use super::*;

fn judged(status: u16) -> PollError {
    PollError::from_answer(ServerError::bare(status), None, None)
}

#[test]
fn every_status_code_is_classified() {
    for status in 300..1000 {
        let error = judged(status);
        let is_expected = match status {
            401 | 403 => matches!(error, PollError::Unauthorized(_)),
            404 => matches!(error, PollError::NotFound(_)),
            429 => matches!(error, PollError::Throttled { .. }),
            408 | 425 | 500.. => matches!(error, PollError::Transient { .. }),
            _ => matches!(error, PollError::Refused(_)),
        };
        assert!(is_expected, "{status}: {error:?}");
    }
}

#[test]
fn a_foreign_4xx_is_not_the_apis_own() {
    for status in 300..600 {
        let mut answer = ServerError::bare(status);
        answer.foreign = Some(Box::default());
        let error = PollError::from_answer(answer, None, None);
        let is_foreign = matches!(error, PollError::Foreign(_));
        let due = matches!(status, 400..=499) && !matches!(status, 407 | 408 | 425 | 429);
        assert_eq!(is_foreign, due, "{status}: {error:?}");
        if !due {
            let own = judged(status);
            assert_eq!(std::mem::discriminant(&own), std::mem::discriminant(&error), "{status}");
        }
    }
}

#[test]
fn a_hint_is_kept_on_429_and_503_only() {
    let hint = Hint::read(Some("5"), None, std::time::SystemTime::UNIX_EPOCH);
    for status in 300..600 {
        let error = PollError::from_answer(ServerError::bare(status), hint, None);
        assert_eq!(error.hint().is_some(), matches!(status, 429 | 503), "{status}");
    }
}

#[test]
fn the_kind_of_a_fault_does_not_depend_on_its_text() {
    let tls = |name: &str| Fault::Tls(TlsFault::SelfSigned { name: name.into() });
    let issuer = Fault::Tls(TlsFault::UnknownIssuer { issuer: "a".into() });
    let server = |status| Fault::Server(ServerError::bare(status));
    let (refused, reset) = (Fault::Connect("refused".into()), Fault::Broken("reset".into()));
    for (a, b, is_same) in [
        (&tls("a"), &tls("b"), true),
        (&tls("a"), &issuer, false),
        (&server(500), &server(500), true),
        (&server(500), &server(502), false),
        (&refused, &Fault::Connect("no such host".into()), true),
        (&refused, &reset, false),
    ] {
        assert_eq!(a.is_same_kind(b), is_same, "{a} / {b}");
    }
}

#[test]
fn a_redirect_shows_its_location() {
    let redirect = |location: Option<&str>| {
        let location = location.map(Untrusted::from);
        PollError::from_answer(ServerError::bare(302), None, location).to_string()
    };
    assert_eq!(redirect(Some("https://a/\n")), "HTTP 302: a redirect to https://a/\\u{a}");
    assert_eq!(redirect(None), "HTTP 302: a redirect");
}

#[test]
fn a_server_error_is_one_line_with_the_request_id() {
    let error = ServerError {
        status: 403,
        error_type: Some("authorization_error".into()),
        message: Some("Access denied\n::error::x".into()),
        docs_url: Some("https://docs.example".into()),
        request_id: Some("req_1".into()),
        ..ServerError::bare(403)
    };
    assert_eq!(
        error.to_string(),
        "HTTP 403: Access denied\\u{a}::error::x (authorization_error, request_id req_1)"
    );
    assert_eq!(ServerError::bare(500).to_string(), "HTTP 500");
}

#[test]
fn a_foreign_response_shows_who_sent_it() {
    let foreign = Foreign {
        content_type: Some("text/html".into()),
        server: Some("cloudflare".into()),
        cf_ray: Some("8a1-FRA".into()),
        mitigated: Some("challenge".into()),
        title: Some("Just a moment...".into()),
        trace: None,
    };
    let error = ServerError {
        request_id: foreign.cf_ray.clone(),
        foreign: Some(Box::new(foreign)),
        ..ServerError::bare(403)
    };
    assert_eq!(
        error.to_string(),
        "HTTP 403 (not the API's own answer: text/html, server cloudflare, cf-mitigated \
         challenge, cf-ray 8a1-FRA, \"Just a moment...\")"
    );
    let nothing = ServerError { foreign: Some(Box::default()), ..ServerError::bare(404) };
    assert_eq!(nothing.to_string(), "HTTP 404 (not the API's own answer)");
}

fn listed(fault: Fault) -> Fault {
    Fault::List(Box::new(fault))
}

#[test]
fn a_fault_of_the_list_or_a_timeout_is_of_the_kind_of_what_it_is_about() {
    let timeout = |phase, seconds| Fault::TimedOut {
        after: Duration::from_secs(seconds),
        phase,
        host: "a".into(),
    };
    let server = |status| Fault::Server(ServerError::bare(status));
    for (a, b, is_same) in [
        (timeout(Phase::Connect, 1), timeout(Phase::Connect, 2), true),
        (timeout(Phase::Connect, 1), timeout(Phase::Answer, 1), false),
        (listed(server(500)), listed(server(500)), true),
        (listed(server(500)), listed(server(502)), false),
        (listed(server(500)), server(500), false),
    ] {
        assert_eq!(a.is_same_kind(&b), is_same, "{a} / {b}");
    }
    let shown = timeout(Phase::LookUp, 2).to_string();
    assert_eq!(shown, "the host name a was not resolved within 2s");
    assert_eq!(timeout(Phase::Connect, 2).to_string(), "no connection to a within 2s");
    assert_eq!(timeout(Phase::Answer, 2).to_string(), "no complete answer within 2s from a");
}

#[test]
fn an_error_has_the_status_and_the_trace_of_its_response() {
    let trace = Trace::new(502, vec![("server", "x\n".into())], "<p>".into());
    assert_eq!(trace.to_string(), "HTTP 502; server: x\\u{a}; body: \"<p>\"");
    let traced = |status| ServerError {
        foreign: Some(Box::new(Foreign { trace: Some(trace.clone()), ..Foreign::default() })),
        ..ServerError::bare(status)
    };
    let malformed =
        || Fault::Malformed { reason: "x".into(), trace: Some(Box::new(trace.clone())) };
    for (error, status, has_trace) in [
        (PollError::transient(Fault::Server(traced(502))), Some(502), true),
        (PollError::transient(listed(Fault::Server(traced(502)))), Some(502), true),
        (PollError::from_answer(traced(403), None, None), Some(403), true),
        (PollError::transient(malformed()), None, true),
        (PollError::transient(listed(malformed())), None, true),
        (judged(500), Some(500), false),
        (judged(302), Some(302), false),
        (PollError::transient(Fault::Broken("x".into())), None, false),
    ] {
        assert_eq!(error.http_status(), status, "{error}");
        assert_eq!(error.trace(), has_trace.then_some(&trace), "{error}");
    }
}

#[test]
fn a_proxy_is_quoted_where_it_gives_a_reason() {
    let refused = |said: Option<&str>| {
        ProxyFault::Refused { status: 403, said: said.map(Untrusted::from) }.to_string()
    };
    assert_eq!(refused(Some("Blocked")), "it answers HTTP 403: Blocked");
    assert_eq!(refused(None), "it answers HTTP 403");
}
