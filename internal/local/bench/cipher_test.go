package bench

import (
	"maps"
	"testing"
)

// On one core a benchmark's name has no suffix: a rate that was measured on more is not taken for it.
func TestRatesOfGoBenchmarks(t *testing.T) {
	const out = `goos: linux
pkg: github.com/penguinmails/disaster-recovery/internal/sealed
BenchmarkSeal    	      90	  12902638 ns/op	1300.25 MB/s	 3154713 B/op	     106 allocs/op
BenchmarkSeal    	     303	   3842638 ns/op	4366 MB/s	 3154713 B/op	     106 allocs/op
BenchmarkSeal    	     100	  12842638 ns/op	1306.35 MB/s	 3154713 B/op	     106 allocs/op
BenchmarkOpen-2  	     138	   8634952 ns/op	1943.0 MB/s
BenchmarkCollect 	      34	  35528844 ns/op
PASS`
	want := map[string]float64{"Seal": 4.366, "Open-2": 1.943}
	if got := benchmarkRates([]byte(out)); !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestRateOfOpenSSL(t *testing.T) {
	const out = "+DT:AES-256-GCM:1:1048576\n+R:5972:AES-256-GCM:0.940000\n+H:1048576\n+F:25:AES-256-GCM:6661000000.00"
	if got, err := opensslRate([]byte(out)); err != nil || got != 6.661 {
		t.Errorf("%v GB/s, %v", got, err)
	}
	if _, err := opensslRate([]byte("+R:5972:AES-256-GCM:0.940000")); err == nil {
		t.Error("no rate is taken for one")
	}
}
