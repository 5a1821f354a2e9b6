pub mod certificate;
pub mod service;
pub mod upstream;
