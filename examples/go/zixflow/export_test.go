package zixflow

// Keys are the library's options that an option sets.
func Keys(option Option) []string {
	settings, _ := gather([]Option{option})
	var keys []string
	for key := range settings.library {
		keys = append(keys, key)
	}
	return keys
}

// BoundProcess bounds the calls of all clients that are made until undo.
func BoundProcess(n int) (undo func()) {
	whole := processTurns
	processTurns = make(turns, n)
	return func() { processTurns = whole }
}

const DefaultTimeout = defaultTimeout
