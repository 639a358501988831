# The issuer as a static binary in an image without a shell. It runs as the
# unprivileged user 65532.
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o /out/signet ./cmd/signet
# A new named volume gets the owner and mode of the directory in the image at
# which it is mounted. Without these directories it would belong to root, and
# the issuer could write neither its data nor the KEK file.
RUN mkdir -m 0700 /out/data /out/kek

FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /out/signet /signet
COPY --from=build --chown=65532:65532 /out/data /data
COPY --from=build --chown=65532:65532 /out/kek /kek
ENV SIGNET_DATA_DIR=/data
# HTTP and gRPC. The ops server listens on loopback inside the container.
EXPOSE 8080 9090
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s CMD ["/signet", "healthcheck"]
ENTRYPOINT ["/signet"]
CMD ["serve"]
