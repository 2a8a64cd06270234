"""What is tried, one row a case, and what the contract says of it."""

from dataclasses import dataclass, field

from oracle import body

ADDRESS = "203.0.113.7\n"
TWO = ADDRESS * 2
EXAMPLE = "inst_abc123xyz"
FOREIGN = r"not (come from the API|from the API|(of )?the API|an answer of the API|this API)"
KEY = "peers-key-1d94:never-to-be-seen-7c21"


@dataclass
class Case:
    name: str
    conf: str  # inside nginx's location /NAME/
    code: tuple  # exit codes that the contract allows
    args: str = "--timeout 2s"
    out: str = ""
    says: tuple = ()  # patterns in standard error
    never: tuple = ()
    ids: str = EXAMPLE
    env: dict = field(default_factory=dict)
    place: str = ""  # the case whose location serves this one
    condition: str = ""  # code and out come from the oracle, which reads the body first
    url: str = "http://127.0.0.1:{http}/{name}/v1"
    later: float = 0  # seconds until the file {flag} exists
    ends_by: float = 0  # seconds in which it has to be over, beside the load of the machine
    took: float = 0  # seconds that it has to take at least
    record: str = ""  # what a proxy's own log has to hold


def instance(status="ready", ip="203.0.113.7", first=""):
    """Single GETs are answered so, unless `first` answers before."""
    return (f'default_type application/json; location ~ "/instances/([^/]+)$" {{ {first} return 200 \'{{"id":"$1",'
            f'"instance_type":"gpu_1x_h100_sxm5","region":"us-west","status":"{status}","ip":"{ip}"}}\'; }}')


def answer(code, text, kind="text/html", more=""):
    return f"default_type {kind}; {more} return {code} '{text}';"


def page(code, more=""):
    if code < 400 and code != 200:
        return f"{more} return {code} http://127.0.0.1:1/;"
    return answer(code, f"<html><head><title>{code} Gateway</title></head><body>no</body></html>", more=more)


def refusal(kind):
    return f'{{"error":{{"type":"{kind}","message":"so it is"}}}}'


def prism(port="prism", more=""):
    return f"rewrite ^.*/v1/(.*)$ /$1 break; {more} proxy_pass http://127.0.0.1:{{{port}}};"


def forced(code):
    return prism(more=f'proxy_set_header Prefer "code={code}";')


def prism_cases():
    example = "203.0.113.42\n"
    yield Case("prism-static", prism(), (0,), out=example)
    yield Case("prism-two", prism(), (0,), ids=f"{EXAMPLE} inst_def456uvw", out=example + "203.0.113.43\n")
    yield Case("prism-another-id", prism(), (124,), ids="inst_other")
    for code, ends in ((200, 0), (401, 4), (403, 4), (404, 5), (500, 124)):
        yield Case(f"prism-{code}", forced(code), (ends,), "--timeout 8s --not-found-grace 0",
                   out=example if code == 200 else "", ends_by=0 if code == 500 else 6)
    yield Case("prism-429", forced(429), (7, 124))
    yield Case("prism-deleted", forced(404), (0,), "--timeout 10s --for deleted", out=None)
    yield Case("prism-404-in-grace", forced(404), (124,), "--timeout 3s")
    yield Case("prism-no-route", prism(), (124,), "--timeout 3s --not-found-grace 0",
               url="http://127.0.0.1:{http}/{name}/v1/elsewhere")
    yield Case("prism-no-example", forced(418), (124,))


def page_cases():
    deadline = "--timeout 3s --not-found-grace 0 -vv"
    for code in (*range(400, 419), 421, 422, 423, 424, 425, 426, 428, 429, 431, 451, *range(500, 509), 511, 520, 522, 530):
        # 407 of a server that is no proxy: the contract names only a proxy's.
        code_allowed = {429: (7, 124), 407: (6, 124)}.get(code, (124,))
        yield Case(f"page-{code}", page(code), code_allowed, deadline)
    for code in (301, 302, 303, 307, 308):
        yield Case(f"redirect-{code}", page(code), (6,), "--timeout 8s", ends_by=6)


def foreign_cases():
    for code, ends in ((400, 6), (401, 4), (403, 4), (404, 5), (418, 6)):
        yield Case(f"foreign-{code}-long", page(code, "add_header cf-ray 8a1peers always;"), (ends,), took=29,
                   args="--timeout 75s --not-found-grace 0 --max-delay 5s -vv",
                   says=(FOREIGN, f"{code} Gateway", "text/html", "nginx", "8a1peers"))
    yield Case("foreign-404-deleted", page(404), (124,), "--timeout 9s --for deleted")
    yield Case("foreign-404-deleted-long", page(404), (5, 6, 124), "--timeout 40s --max-delay 5s --for deleted", says=(FOREIGN,))
    then = "if (-f {flag}) { return 404 '<h1>default backend - 404</h1>'; }"
    yield Case("foreign-404-after-seen", instance("pending", first=then), (124,),
               "--timeout 10s", later=2, never=("deleted",))
    texts = {"challenge": (403, "<title>Just a moment...</title>", "text/html", "add_header cf-mitigated challenge always;"),
             "detail": (403, '{"detail": "User is locked. Reason: peers"}', "application/json", ""),
             "list-detail": (422, '{"detail": [{"loc": ["path"], "msg": "peers"}]}', "application/json", ""),
             "plain": (403, "error code: 1010 peers", "text/plain", ""),
             "error-text": (401, '{"error": "peers"}', "application/json", ""),
             "error-null": (403, '{"error": null, "message": "peers"}', "application/json", ""),
             "in-a-list": (403, '[{"error": {"type": "peers", "message": "peers"}}]', "application/json", ""),
             "empty": (401, "", "text/plain", "")}
    for name, parts in texts.items():
        said = ("Just a moment" if name == "challenge" else "peers") if name != "empty" else "401"
        yield Case(f"foreign-{name}", answer(*parts), (124,), "--timeout 4s -v", says=(said,))
    yield Case("foreign-gateway-deleted", answer(404, '{"message":"no Route matched with those values"}', "application/json"), (124,),
               "--timeout 9s --for deleted")
    for name, text in (("no-fields", '{"error":{}}'), ("as-html", refusal("authorization_error"))):
        yield Case(f"own-{name}", answer(403, text), (4,), "--timeout 8s", ends_by=6)
    yield Case("foreign-then-ready", instance(first="if (!-f {flag}) { return 403 '<h1>no</h1>'; }"), (0,), "--timeout 20s", out=ADDRESS, later=3)
    yield Case("foreign-echoes-key", page(403).replace("no</body>", "$http_authorization</body>"), (124,), "--timeout 3s -vv")
    for code, kind, ends in ((400, "validation_error", 6), (401, "authorization_error", 4), (403, "authorization_error", 4),
                             (404, "not_found", 5), (422, "validation_error", 6)):
        yield Case(f"own-{code}", answer(code, refusal(kind), "application/json"), (ends,), "--timeout 8s --not-found-grace 0",
                   says=("so it is",), ends_by=6)


def list_cases():
    first = {"400": answer(400, '{"error":{"type":"validation_error","message":"limit must be <= 50"}}', "application/json"),
             "422": answer(422, '{"detail":[{"loc":["query","limit"],"msg":"too large"}]}', "application/json"),
             "403": answer(403, refusal("authorization_error"), "application/json"),
             "404": answer(404, refusal("not_found"), "application/json"),
             "405": page(405), "500": answer(500, refusal("server_error"), "application/json"), "502": page(502),
             "page": page(200), "bare": answer(200, "[]", "application/json"),
             "data": answer(200, '{"data":[]}', "application/json"),
             "null": answer(200, '{"instances":null,"next_cursor":null,"has_more":false}', "application/json"),
             "cursor": answer(200, '{"instances":[],"next_cursor":2,"has_more":true}', "application/json"),
             "redirect": page(302), "cut": answer(200, '{"instances":[', "application/json")}
    for name, conf in first.items():
        conf = f"location = /list-{name}/v1/compute/instances {{ {conf} }} " + instance()
        yield Case(f"list-{name}", conf, (0,), "--timeout 30s --min-delay 500ms", ids="inst_a inst_b", out=TWO,
                   says=("list",))
    conf = "location = /list-429/v1/compute/instances { " + answer(429, refusal("rate_limited"), "application/json") + " } "
    yield Case("list-429", conf + instance(), (7, 124), "--timeout 6s", ids="inst_a inst_b")
    yield Case("list-401", answer(401, refusal("authorization_error"), "application/json"), (4,), "--timeout 8s",
               ids="inst_a inst_b", ends_by=6)


def hint_cases():
    until = "if (!-f {flag}) { return 429 '" + refusal("rate_limited") + "'; }"
    for name, header in (("seconds", 'x-ratelimit-reset "{soon}"'), ("millis", 'x-ratelimit-reset "{soon}000"'),
                         ("relative", 'x-ratelimit-reset "5"'), ("date", 'Retry-After "{soon_date}"')):
        conf = f"add_header {header} always; " + instance(first=until)
        yield Case(f"reset-{name}", conf, (0,), "--timeout 60s", out=ADDRESS, later=1, took=4)
    for name, header in (("seconds", 'x-ratelimit-reset "{far}"'), ("millis", 'x-ratelimit-reset "{far}000"'),
                         ("after", 'Retry-After "3600"')):
        conf = answer(429, "slower", more=f"add_header {header} always;")
        yield Case(f"reset-far-{name}", conf, (7,), "--timeout 30s", ends_by=15, never=("498772h", r"\d{5,}h"))
    yield Case("reset-unreadable", answer(429, "slower", more='add_header Retry-After "soon" always;'), (7, 124))
    yield Case("reset-max", answer(503, "x", more='add_header Retry-After "18446744073709551615" always;'), (7,), "--timeout 9s",
               never=("panicked",), ends_by=7)


def nginx_cases():
    yield Case("gzip", "gzip on; gzip_min_length 1; gzip_proxied any; gzip_types *; " + prism(), (0,), out="203.0.113.42\n")
    often = "--stable 3 --timeout 40s --min-delay "
    yield Case("idle-close", "keepalive_timeout 1s; " + instance(), (0,), often + "1500ms", out=ADDRESS)
    yield Case("close-each", "keepalive_timeout 0; " + instance(), (0,), often + "200ms", out=ADDRESS)
    for code in (429, 503):
        conf = f"limit_req zone=slow; limit_req_status {code}; " + prism()
        # The oracle's own request takes what the limit allows, so that the first poll is refused.
        yield Case(f"limit-req-{code}", conf, (), "--timeout 40s --min-delay 500ms", condition="ready", says=(str(code),))
    yield Case("504", "proxy_read_timeout 1s; proxy_pass http://127.0.0.1:{silent}/;", (124,), "--timeout 5s", says=("504",))
    yield Case("502", "proxy_pass http://127.0.0.1:{closed}/;", (124,), "--timeout 3s", says=("502",))
    yield Case("cut", "return 444;", (124,), "--timeout 3s")
    yield Case("page-200", page(200), (124,), "--timeout 3s", says=("text/html", "200 Gateway"))
    for status in ("init", "pending", "provisioning", "unknown", "paused"):
        yield Case(f"status-{status}", instance(status, "0.0.0.0"), (124,), "--timeout 2s", says=(status,))
    yield Case("budget-placeholder", instance("pending", "0.0.0.0"), (9,), "--timeout 20s --max-in pending=1s")
    yield Case("stopped-placeholder", instance("stopped", "0.0.0.0"), (3,), "--timeout 8s", ends_by=6)
    yield Case("stopped-for", instance("stopped", "none"), (0,), "--timeout 8s --for stopped", out=None)


def proxy_cases():
    tls = "https://localhost:{tls}/{name}/v1"

    def through(name, code, proxy, url=tls, says=(), out="", args="--timeout 5s", record="", ends_by=0, never=()):
        env = {"HTTPS_PROXY": proxy, "SSL_CERT_FILE": "{ca}"}
        return Case(name, instance(), (code,), args, out, says, never, env=env, url=url, record=record, ends_by=ends_by)

    yield Case("tls", instance(), (0,), out=ADDRESS, url=tls, env={"SSL_CERT_FILE": "{ca}"})
    yield Case("tls-unknown-ca", instance(), (124,), url=tls, says=("SSL_CERT_FILE",))
    yield Case("tls-other-name", instance(), (124,), url=tls.replace("localhost", "127.0.0.1"), env={"SSL_CERT_FILE": "{ca}"})
    yield through("tinyproxy", 0, "http://127.0.0.1:{tiny}", out=ADDRESS, record="tiny CONNECT")
    yield through("squid", 0, "http://127.0.0.1:{squid}", out=ADDRESS, record="squid CONNECT")
    yield through("tinyproxy-password", 0, "http://anna:peers-pass@127.0.0.1:{tinyauth}", out=ADDRESS)
    # tinyproxy answers 401 to a wrong password; repeating it locks accounts, whatever the number.
    for name, who in (("none", ""), ("wrong", "anna:wrong-peers@")):
        yield through(f"tinyproxy-password-{name}", 6, f"http://{who}127.0.0.1:{{tinyauth}}", args="--timeout 8s", ends_by=6,
                      says=("40[17]", "proxy"), never=("wrong-peers",))
        yield through(f"squid-password-{name}", 6, f"http://{who}127.0.0.1:{{squid}}", "https://password.test/v1",
                      ("407", "proxy"), args="--timeout 8s", ends_by=6, never=("wrong-peers",))
    yield through("tinyproxy-403", 124, "http://127.0.0.1:{tinydeny}", says=("403", "proxy"))
    yield through("squid-403", 124, "http://127.0.0.1:{squid}", "https://denied.test/v1", ("403", "proxy"))
    for proxy in ("tiny", "squid"):
        yield through(f"{proxy}-no-such-host", 124, f"http://127.0.0.1:{{{proxy}}}", "https://no-such-host.invalid/v1", ("proxy",))
        yield through(f"{proxy}-refused", 124, f"http://127.0.0.1:{{{proxy}}}", "https://localhost:{closed}/v1", ("proxy",))
    yield through("proxy-closed", 124, "http://127.0.0.1:{closed}", says=("proxy",))
    yield through("proxy-silent", 124, "http://127.0.0.1:{silent}")
    yield through("proxy-socks", 2, "socks5://127.0.0.1:{tiny}", says=("(?i)socks",))
    yield through("proxy-unusable", 2, "http://", says=("HTTPS_PROXY",))
    yield through("proxy-raw-hash", 2, "http://anna:peers#pass@127.0.0.1:{tiny}", never=("pass@",))
    yield Case("proxy-plain-http", instance(), (0,), out=ADDRESS, env={"HTTP_PROXY": "http://127.0.0.1:{tiny}"})


def body_cases():
    static = "default_type application/json; root {folder};"
    for seed in range(200):
        condition = body(seed)[1]
        yield Case(f"body-{seed}", static, (), f"--timeout 0 --for {condition}", place="bodies", condition=condition,
                   url=f"http://127.0.0.1:{{http}}/bodies/{seed}/v1")
    # What Prism makes up is kept by nginx, so that the oracle and the program read the same.
    kept = ("proxy_cache kept; proxy_cache_key $request_uri; proxy_cache_valid 200 5m; "
            "proxy_ignore_headers Cache-Control Expires Set-Cookie Vary; ")
    for number in range(40):
        yield Case(f"prism-dynamic-{number}", kept + prism("dynamic"), (), "--timeout 0", place="dynamic", condition="ready",
                   url=f"http://127.0.0.1:{{http}}/dynamic/{number}/v1")


def all_cases():
    # The slow ones first, so that nothing is left waiting for them.
    for some in (hint_cases, foreign_cases, list_cases, nginx_cases, proxy_cases, page_cases, prism_cases, body_cases):
        yield from some()
