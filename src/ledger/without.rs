//! In place of the ledger, where the library is built without it: there is none that could be used.

use crate::post_back::PostBack;
use crate::reply::Reply;
use crate::transport::Limits;

pub(crate) enum Ledger {}

pub(crate) enum KeyedCall<'a> {
    #[expect(dead_code)]
    Never(&'a Ledger),
}

impl Ledger {
    pub(crate) fn new(_: &str, _: u32, _: &str, _: &str) -> Result<Self, String> {
        Err("cannot be used: this libzixflow was built without its feature `ledger`".to_owned())
    }

    pub(crate) fn call(&self, _: &str, _: &str, _: &Limits) -> Result<KeyedCall<'_>, Reply> {
        match *self {}
    }

    pub(crate) fn settle(&self, _: PostBack, _: &Limits) -> Result<String, Reply> {
        match *self {}
    }

    pub(crate) fn unsettled(&self, _: Option<&str>, _: &Limits) -> Result<String, Reply> {
        match *self {}
    }

    pub(crate) fn forget(&self, _: &str, _: &Limits) -> Result<Reply, Reply> {
        match *self {}
    }
}

impl KeyedCall<'_> {
    pub(crate) fn look(&self, _: &Limits) -> Result<(), Reply> {
        match *self {
            KeyedCall::Never(ledger) => match *ledger {},
        }
    }

    pub(crate) fn claim(&mut self, limits: &Limits) -> Result<(), Reply> {
        self.look(limits)
    }

    pub(crate) fn begin(&mut self, limits: &Limits) -> Result<(), Reply> {
        self.look(limits)
    }

    pub(crate) fn end(&mut self, _: &Reply, _: &Limits) {}
}
