package mailu

import (
	"iter"
	"maps"
	"slices"
)

// sorted walks a map by its keys, so that the same facts give the same files.
func sorted[V any](m map[string]V) iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		for _, k := range slices.Sorted(maps.Keys(m)) {
			if !yield(k, m[k]) {
				return
			}
		}
	}
}
