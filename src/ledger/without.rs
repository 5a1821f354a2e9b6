//! In place of the ledger, where the library is built without it: there is none that could be used.

use crate::post_back::PostBack;
use crate::reply::Reply;
use crate::transport::Limits;

pub(crate) enum Ledger {}

pub(crate) type KeyedCall<'a> = &'a Ledger;

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

    pub(crate) fn begin(&self, _: &Limits) -> Result<(), Reply> {
        match *self {}
    }

    pub(crate) fn end(&self, _: &Reply, _: &Limits) {
        match *self {}
    }
}
