# syntax=docker/dockerfile:1
#
# docker build --build-arg REVISION="$(git rev-parse HEAD)" --tag palette-rbac:0.1.0 .
#
# Both images are named by tag, not by digest: a digest has to come from the registry itself. Whoever releases pins
# them (`docker buildx imagetools inspect IMAGE`) and lets a bot raise them.

# The compiler of Cargo.toml's `rust-version`, and the C compiler that `ring` asks for.
FROM rust:1.95-slim-trixie AS build
WORKDIR /build

# Dependencies first, in a layer of their own: it stays until Cargo.lock changes.
COPY Cargo.toml Cargo.lock ./
RUN mkdir src \
    && touch src/lib.rs \
    && echo 'fn main() {}' > src/main.rs \
    && cargo build --locked --profile dist --bin palette-rbac \
    && rm -r src

COPY src src
COPY examples examples
# What `palette-rbac --version` and the metric `build_info` say.
ARG REVISION=unknown
# Cargo goes by modification times, and those of the sources may be older than the stand-ins'.
RUN find src -name '*.rs' -exec touch {} + \
    && PALETTE_RBAC_REVISION="$REVISION" cargo build --locked --profile dist --bin palette-rbac

# The C library and libgcc_s, and no shell. glibc rather than a static musl, since it is what the tests run on, and
# musl's allocator makes threads wait for each other. Debian 13 in both stages: the binary needs its builder's glibc.
FROM gcr.io/distroless/cc-debian13:nonroot
COPY --from=build /build/target/dist/palette-rbac /usr/bin/palette-rbac
# By number: Kubernetes' `runAsNonRoot` cannot tell who a name is.
USER 65532:65532
EXPOSE 8443 8080
ENTRYPOINT ["/usr/bin/palette-rbac"]
CMD ["serve"]
