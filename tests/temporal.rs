//! The example for Temporal, in the SDK's test environments.

mod support;

use support::c;
use support::go::{download, go, is_formatted_and_vetted, succeed};

const MODULE: &str = "examples/temporal";

#[test]
fn workflow_and_activity_pass_in_the_test_environments() {
    if !c::require_tool("go") || !download(MODULE) {
        return;
    }
    is_formatted_and_vetted(MODULE, &["-tags=e2e"]);
    succeed(go(MODULE).args(["test", "-count=1", "-race", "-timeout=120s", "./..."]));
}
