//! What the layer does with a request before the service sees it.

use std::any::type_name;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use http::header::{ACCESS_CONTROL_REQUEST_METHOD, ORIGIN};
use http::{Extensions, Method, Request};
use portcullis_core::{NoRevocation, Revocation, Verdict};
use serde::de::DeserializeOwned;
use thread_local::ThreadLocal;

use super::future::Answers;
use crate::error::Rejection;
use crate::keys::{Missing, Refusal};
use crate::response::Renderer;
use crate::source::{self, OriginRule, Source};
use crate::verified::{Anonymous, Authentic, Verified};
use crate::verifier::Verifier;

/// The settings of a layer, shared by all clones of its services.
pub(super) struct Gate<C, R> {
    verifier: Verifier<C>,
    revocation: Arc<R>,
    /// Under which these rules are known to what the verifier remembers.
    number: u64,
    pub(super) sources: Vec<Source>,
    pub(super) origins: OriginRule,
    pub(super) exempt: Vec<Box<str>>,
    pub(super) optional: bool,
    pub(super) cors_preflight: bool,
    /// How rejections are answered, if not as usual.
    renderer: Option<Renderer>,
    /// That, once for each thread, since every request holds one: a count that is shared by all threads would
    /// be what they all wait for.
    renderers: ThreadLocal<Arc<Renderer>>,
}

/// What is to become of a request that was not rejected.
pub(super) enum Admission {
    /// Who the caller is has been written into the request's extensions.
    Now,
    /// A store, or the issuer for its keys, has to be asked first. The extensions were taken from the request.
    Asking(AskingStore),
}

/// Whose request it is.
enum Caller<C> {
    Known(Authentic<C>),
    Anonymous,
    /// To be known once the key of this token was looked for.
    Awaited(Missing, Source, Box<[u8]>),
}

/// Asks, and gives the request's extensions back with the caller in them. It is boxed,
/// because neither the future of a rule nor the type of the claims has a name by then.
pub(super) type AskingStore = Pin<Box<dyn Future<Output = Result<Extensions, Rejection>> + Send>>;

impl<C> Gate<C, NoRevocation> {
    pub(super) fn new(verifier: Verifier<C>) -> Self {
        let number = verifier.number_a_layer();
        let sources = verifier.sources();
        Self {
            verifier,
            revocation: Arc::new(NoRevocation),
            number,
            sources,
            origins: OriginRule::default(),
            exempt: Vec::new(),
            optional: false,
            cors_preflight: false,
            renderer: None,
            renderers: ThreadLocal::new(),
        }
    }
}

impl<C, R> Gate<C, R> {
    pub(super) fn with_revocation<R2>(self, revocation: R2) -> Gate<C, R2> {
        Gate {
            number: self.verifier.number_a_layer(),
            verifier: self.verifier,
            revocation: Arc::new(revocation),
            sources: self.sources,
            origins: self.origins,
            exempt: self.exempt,
            optional: self.optional,
            cors_preflight: self.cors_preflight,
            renderer: self.renderer,
            renderers: self.renderers,
        }
    }

    /// To change how rejections are answered.
    pub(super) fn edit_renderer(&mut self) -> &mut Renderer {
        self.renderers.clear();
        self.renderer.get_or_insert_with(Renderer::new::<C>)
    }

    /// What answers a rejection of this request.
    pub(super) fn answers(&self) -> Answers {
        let Some(renderer) = &self.renderer else { return Answers::Usual(Renderer::new::<C>) };
        let renderer = self.renderers.get_or(|| Arc::new(renderer.clone()));
        Answers::Own(Arc::clone(renderer))
    }

    /// True if nobody shall look for a credential in this request.
    fn is_exempt<B>(&self, request: &Request<B>) -> bool {
        let path = || request.uri().path();
        self.exempt.iter().any(|exempt| **exempt == *path())
            || (self.cors_preflight && is_cors_preflight(request))
    }
}

impl<C, R> Gate<C, R>
where
    C: DeserializeOwned + Send + Sync + 'static,
    R: Revocation,
{
    pub(super) fn admit<B>(&self, request: &mut Request<B>) -> Result<Admission, Rejection> {
        if self.is_exempt(request) {
            request.extensions_mut().insert(Anonymous);
            return Ok(Admission::Now);
        }
        let authentic = match self.authenticate(request)? {
            Caller::Known(authentic) => authentic,
            Caller::Anonymous => {
                request.extensions_mut().insert(Anonymous);
                return Ok(Admission::Now);
            }
            Caller::Awaited(missing, source, token) => {
                let extensions = std::mem::take(request.extensions_mut());
                let asking = self.ask_issuer(missing, source, token, extensions);
                return Ok(Admission::Asking(asking));
            }
        };
        // the version is read before the state is looked at: see `Revocation::version`
        let version = self.revocation.version();
        let known = authentic.handle().zip(version);
        if known.is_some_and(|(handle, version)| handle.has_passed(self.number, version)) {
            request.extensions_mut().insert(authentic.allowed());
            return Ok(Admission::Now);
        }
        let Some(verdict) = self.revocation.peek(&authentic.view()) else {
            let extensions = std::mem::take(request.extensions_mut());
            return Ok(Admission::Asking(self.ask(authentic, extensions)));
        };
        if let (Some((handle, version)), Verdict::Allowed) = (known, &verdict) {
            handle.note_passed(self.number, version);
        }
        request.extensions_mut().insert(authentic.judged(verdict)?);
        Ok(Admission::Now)
    }

    /// Whose request it is, as far as that is known without waiting.
    fn authenticate<B>(&self, request: &Request<B>) -> Result<Caller<C>, Rejection> {
        let Some(credential) = source::take(&self.sources, request.headers())? else {
            if self.optional {
                return Ok(Caller::Anonymous);
            }
            return Err(source::missing(&self.sources, request));
        };
        let source = credential.source;
        if credential.is_ambient() || self.verifier.is_ambient(source) {
            self.origins.check(request)?;
        }
        match self.verifier.begin(Some(source), credential.token) {
            Ok(authentic) => Ok(Caller::Known(authentic)),
            Err(Refusal::Final(rejection)) => {
                Err(credential.explain(rejection, self.verifier.is_padded(source)))
            }
            // not all of it was looked at so far, and nobody waits for the key of what is no token
            Err(Refusal::Missing(missing)) => {
                credential.check(self.verifier.is_padded(source))?;
                Ok(Caller::Awaited(missing, source.clone(), credential.token.into()))
            }
        }
    }

    fn ask_issuer(
        &self,
        missing: Missing,
        source: Source,
        token: Box<[u8]>,
        mut extensions: Extensions,
    ) -> AskingStore {
        let (verifier, revocation) = (self.verifier.clone(), Arc::clone(&self.revocation));
        Box::pin(async move {
            missing.wait().await?;
            let authentic = verifier.finish(Some(&source), &token)?;
            let verified: Verified<C> = authentic.check(&*revocation).await?;
            extensions.insert(verified);
            Ok(extensions)
        })
    }

    fn ask(&self, authentic: Authentic<C>, mut extensions: Extensions) -> AskingStore {
        let revocation = Arc::clone(&self.revocation);
        Box::pin(async move {
            let verified: Verified<C> = authentic.check(&*revocation).await?;
            extensions.insert(verified);
            Ok(extensions)
        })
    }
}

fn is_cors_preflight<B>(request: &Request<B>) -> bool {
    let headers = request.headers();
    request.method() == Method::OPTIONS
        && headers.contains_key(ORIGIN)
        && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

impl<C, R> Clone for Gate<C, R> {
    fn clone(&self) -> Self {
        Self {
            verifier: self.verifier.clone(),
            revocation: Arc::clone(&self.revocation),
            number: self.number,
            sources: self.sources.clone(),
            origins: self.origins.clone(),
            exempt: self.exempt.clone(),
            optional: self.optional,
            cors_preflight: self.cors_preflight,
            renderer: self.renderer.clone(),
            renderers: ThreadLocal::new(),
        }
    }
}

impl<C, R> fmt::Debug for Gate<C, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtLayer")
            .field("claims", &type_name::<C>())
            .field("revocation", &type_name::<R>())
            .field("sources", &self.sources)
            .field("exempt", &self.exempt)
            .field("optional", &self.optional)
            .field("allow_cors_preflight", &self.cors_preflight)
            .field("origins", &self.origins)
            .field("realm", &self.answers().renderer().realm())
            .finish_non_exhaustive()
    }
}
