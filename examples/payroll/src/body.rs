//! A JSON body, refused as `application/problem+json`.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use axum::Json;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, DeserializeOwned, Deserializer, MapAccess, Visitor};

use crate::problem::Problem;

/// The largest body that is read. Every body of this API is a line or two.
pub(crate) const MAX_BYTES: usize = 16 * 1024;

/// How long a client may take to send a body.
const MAX_TIME: Duration = Duration::from_secs(10);

/// As [`Json`]: 415 without the content type, 413 if too large, 400 for what is not JSON, 422 for JSON
/// that is not a `T`. 408 if it does not arrive.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        match tokio::time::timeout(MAX_TIME, Json::from_request(request, state)).await {
            Ok(Ok(Json(Object(value)))) => Ok(Self(value)),
            Ok(Err(rejection)) => Err(Problem::new(rejection.status(), rejection.body_text())),
            Err(_) => Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "the body did not arrive")),
        }
    }
}

/// A `T` from a JSON object and nothing else: serde would fill a struct from an array too, by the
/// order of its fields, and `[1,910000]` is no order to pay.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
            type Value = T;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map))
            }
        }

        deserializer.deserialize_map(Members(PhantomData)).map(Self)
    }
}
