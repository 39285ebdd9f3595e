package bench

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"

	"golang.org/x/sync/errgroup"
)

// What makes a snapshot large: secrets of as many random bytes as Vault's storage takes in one entry, 1 MiB, with some room
// for what Vault puts around them. Vault encrypts them, so that its gzip finds nothing to compress.
const (
	entryBytes = 900_000
	// small and large are how many entries the two snapshots hold; the large one is more than 500 MB.
	small, large = 70, 580
)

// ballast fills Vault up to n entries.
func (b *bench) ballast(ctx context.Context, n int) error {
	client, err := b.Root()
	if err != nil {
		return err
	}
	return b.say.Step(fmt.Sprintf("fill Vault up to %s of secrets", megabytes(int64(n)*entryBytes)), func() error {
		group, gctx := errgroup.WithContext(ctx)
		group.SetLimit(4)
		for ; b.entries < n; b.entries++ {
			path := fmt.Sprintf("ballast/%04d", b.entries)
			group.Go(func() error {
				random := make([]byte, entryBytes/4*3)
				_, _ = rand.Read(random) // never fails: see crypto/rand
				_, err := client.KVv2("vps").Put(gctx, path, map[string]any{"value": base64.StdEncoding.EncodeToString(random)})
				return err
			})
		}
		return group.Wait()
	})
}
