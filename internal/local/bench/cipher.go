package bench

import (
	"context"
	"fmt"
	"regexp"
	"strconv"

	"github.com/penguinmails/disaster-recovery/internal/local/tool"
)

// cipher measures sealing and opening on one core, beside age and what the processor can do at all, which is openssl's own
// AES-256-GCM. The first three are the benchmarks of internal/sealed.
func (b *bench) cipher(ctx context.Context) error {
	rates, err := b.benchmarks(ctx, "./internal/sealed", "Seal", "Open", "AgeSeal", "AgeOpen")
	if err != nil {
		return err
	}
	out, err := tool.Run(ctx, b.root, nil, "openssl", "speed", "-mr", "-seconds", "1", "-bytes", "1048576", "-evp", "aes-256-gcm")
	if err != nil {
		return err
	}
	bare, err := opensslRate(out)
	if err != nil {
		return err
	}
	b.report.add(
		row("seal, one core", rates["Seal"], "GB/s").against("age", rates["AgeSeal"]).above(2).
			noted("`openssl speed -evp aes-256-gcm` encrypts %.2f GB/s on this core, in place and without a format.", bare),
		row("open, one core", rates["Open"], "GB/s").against("age", rates["AgeOpen"]),
	)
	return nil
}

// benchmarks runs Go benchmarks of a package on one core, several times, and gives the best rate of each in GB/s, by name.
func (b *bench) benchmarks(ctx context.Context, pkg string, names ...string) (map[string]float64, error) {
	out, err := tool.Run(ctx, b.root, nil, "go", "test", "-run", "^$", "-bench", "^Benchmark", "-cpu", "1", "-count", "5", "-benchtime", "300ms", pkg)
	if err != nil {
		return nil, err
	}
	rates := benchmarkRates(out)
	for _, name := range names {
		if rates[name] == 0 {
			return nil, fmt.Errorf("the benchmark %s of %s gave no rate:\n%s", name, pkg, out)
		}
	}
	return rates, nil
}

// benchmarkLine is a line of `go test -bench` (golang.org/design/14313-benchmark-format).
var benchmarkLine = regexp.MustCompile(`(?m)^Benchmark(\S+)\s.*?([0-9.]+) MB/s`)

func benchmarkRates(out []byte) map[string]float64 {
	rates := map[string]float64{}
	for _, found := range benchmarkLine.FindAllSubmatch(out, -1) {
		megabytes, err := strconv.ParseFloat(string(found[2]), 64)
		if err == nil {
			name := string(found[1])
			rates[name] = max(rates[name], megabytes/1e3)
		}
	}
	return rates
}

// opensslLine is the result of `openssl speed -mr -evp`: an index, the cipher, and bytes a second for each block size.
var opensslLine = regexp.MustCompile(`(?mi)^\+F:\d+:aes-256-gcm:([0-9.]+)$`)

func opensslRate(out []byte) (gigabytes float64, err error) {
	found := opensslLine.FindSubmatch(out)
	if found == nil {
		return 0, fmt.Errorf("openssl speed gave no rate:\n%s", out)
	}
	bytes, err := strconv.ParseFloat(string(found[1]), 64)
	return bytes / 1e9, err
}
