package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"os/signal"
	"syscall"

	"go.etcd.io/etcd/server/v3/embed"
)

// serveEtcd runs a single-member etcd until SIGINT or SIGTERM. Its flags are those of the real command that the bed
// uses, so that a real etcd (KUBEBUILDER_ASSETS) can stand in its place.
func serveEtcd(arguments []string) error {
	config := embed.NewConfig()
	flags := flag.NewFlagSet("etcd", flag.ContinueOnError)
	flags.StringVar(&config.Dir, "data-dir", "", "directory of the data")
	flags.StringVar(&config.LogLevel, "log-level", "warn", "debug, info, warn or error")
	flags.BoolVar(&config.UnsafeNoFsync, "unsafe-no-fsync", false, "never call fsync")
	clients := flags.String("listen-client-urls", "", "URL to serve clients on")
	advertised := flags.String("advertise-client-urls", "", "URL that clients are told")
	peers := flags.String("listen-peer-urls", "", "URL to serve peers on")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if config.Dir == "" {
		return errors.New("--data-dir is required")
	}
	for _, listen := range []struct {
		flag, value string
		urls        *[]url.URL
	}{
		{"listen-client-urls", *clients, &config.ListenClientUrls},
		{"advertise-client-urls", *advertised, &config.AdvertiseClientUrls},
		{"listen-peer-urls", *peers, &config.ListenPeerUrls},
	} {
		parsed, err := url.Parse(listen.value)
		if err != nil || parsed.Host == "" {
			return fmt.Errorf("--%s=%q is no URL with a host", listen.flag, listen.value)
		}
		*listen.urls = []url.URL{*parsed}
	}

	etcd, err := embed.StartEtcd(config)
	if err != nil {
		return err
	}
	defer etcd.Close()
	ended, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	select {
	case <-ended.Done():
		return nil
	case err := <-etcd.Err():
		return err
	}
}
