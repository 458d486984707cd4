//! A canary in the secret, in the token and in private claims goes through every way of failing. It
//! comes out nowhere: not in the log at any level, an answer, an error, `Debug`.

mod canary;
mod paths;
mod shown;
