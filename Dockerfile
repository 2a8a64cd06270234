# One static binary in an otherwise empty image: no shell, no user database, and no
# CA store (the program bundles Mozilla's roots; SSL_CERT_FILE can add others).
#
#   docker build --build-arg REVISION="$(git rev-parse HEAD)" -t wait-ready .
#   docker run --rm --read-only -e FAL_KEY wait-ready inst_abc --timeout 10m

FROM rust:1.95-slim-bookworm AS build
WORKDIR /build

# Static, so that it runs in an empty image, and then made a seventh smaller: relocations
# are packed, and unwind tables left out, which nothing reads (`panic = "abort"`, a panic
# hook that prints no backtrace).
RUN echo 'SECTIONS { /DISCARD/ : { *(.eh_frame) } } INSERT AFTER .comment;' > no-unwind.ld
ENV RUSTFLAGS="-C target-feature=+crt-static \
-C link-arg=-Wl,-z,pack-relative-relocs -C link-arg=-Wl,-T,/build/no-unwind.ld"

# The dependencies alone, against an empty crate: this layer, nearly all of the build's
# time, is made again only when the manifest or the lock file changes.
COPY Cargo.toml Cargo.lock ./
# Naming the target, even the host's own, keeps `crt-static` away from build scripts and
# from proc macros, which are loaded dynamically. Asking rustc makes it work on aarch64.
# Examples and tests that the manifest names would have to be there, and are not needed.
RUN set -eu; \
    sed -i '/^\[\[\(example\|test\|bench\)\]\]$/,/^$/d' Cargo.toml; \
    rustc -vV | sed -n 's/^host: //p' > target-triple; \
    mkdir src; \
    echo '//! Stands in while the dependencies are built.' > src/lib.rs; \
    { cat src/lib.rs; echo 'fn main() {}'; } > src/main.rs; \
    cargo build --release --locked --target "$(cat target-triple)"

COPY src src
# Cargo goes by modification times, and the real sources may be older than the stand-in.
RUN set -eu; \
    touch src/lib.rs src/main.rs; \
    cargo build --release --locked --target "$(cat target-triple)"; \
    cp "target/$(cat target-triple)/release/wait-ready" /wait-ready


FROM scratch
COPY --from=build /wait-ready /wait-ready
# By number: there is no /etc/passwd, and Kubernetes' runAsNonRoot accepts nothing else.
USER 65532:65532
STOPSIGNAL SIGTERM
ENTRYPOINT ["/wait-ready"]

ARG VERSION=""
ARG REVISION=""
ARG SOURCE=""
LABEL org.opencontainers.image.title="wait-ready" \
      org.opencontainers.image.description="Waits until a GPU instance of fal's Compute API is really there and prints its IP" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="${SOURCE}"
