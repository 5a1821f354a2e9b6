package zixflow

/*
#include <zixflow.h>

#if ZX_VERSION_MAJOR != 0 || ZX_VERSION_MINOR != 3
#error "this Go package is written for zixflow.h 0.3: install that version of libzixflow"
#endif
*/
import "C"

import (
	"fmt"
	"strings"
)

// Version returns the version of the library that the program runs with.
func Version() string {
	return C.GoString(C.zx_version())
}

// checkVersion refuses a library other than the one that the header, and so the
// shape of every call, was taken from. A 0.x library breaks with its x.
func checkVersion() error {
	header := fmt.Sprintf("%d.%d.", C.ZX_VERSION_MAJOR, C.ZX_VERSION_MINOR)
	if !strings.HasPrefix(Version(), header) {
		return invalidArgument(fmt.Sprintf(
			"The program was compiled with zixflow.h %sx and runs with libzixflow %s. "+
				"Install the library that belongs to the header, or compile anew with go build -a.", header, Version()))
	}
	return nil
}
