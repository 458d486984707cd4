//! What can be wrong with a token, one entry for each attack that a verifier must withstand.

use std::fmt;

use portcullis::RejectionKind;

/// Which check a defect is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// `portcullis::jws::verify` refuses it already.
    Jws,
    /// The JWS is good; the verifier of tokens refuses what it says.
    Claims,
}

macro_rules! defects {
    ($($name:ident, $stage:ident, $kind:expr, $description:literal;)*) => {
        /// Something that is wrong with a token.
        ///
        /// [`ALL`](Self::ALL) of them must be refused by every verifier, whatever its settings, as long
        /// as it trusts the one issuer and has the usual rules. See
        /// [`TestToken::forge`](super::TestToken::forge).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Defect {
            $(#[doc = concat!($description, ".")] $name,)*
        }

        impl Defect {
            /// Every defect.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// What is wrong, in words.
            #[must_use]
            pub const fn description(self) -> &'static str {
                match self { $(Self::$name => $description,)* }
            }

            /// Which check the defect is for.
            #[must_use]
            pub const fn stage(self) -> Stage {
                match self { $(Self::$name => Stage::$stage,)* }
            }

            /// The kind of rejection that a verifier which trusts one issuer gives; `None` where more
            /// than one would be right.
            #[must_use]
            pub const fn expected(self) -> Option<RejectionKind> {
                use RejectionKind::*;
                match self { $(Self::$name => $kind,)* }
            }
        }
    };
}

defects! {
    // algorithm
    AlgNone, Jws, Some(AlgorithmNotAllowed), "`alg` is none and there is no signature";
    AlgNoneSpelledOddly, Jws, Some(AlgorithmNotAllowed), "`alg` is nOnE and there is no signature";
    AlgNoneButSigned, Jws, Some(AlgorithmNotAllowed), "`alg` is none and the signature is the usual one";
    AlgOfAnotherKey, Jws, Some(AlgorithmNotAllowed), "`alg` is another of the family, which the key is not bound to";
    AlgLowerCase, Jws, Some(AlgorithmNotAllowed), "`alg` is in lower case";
    AlgMissing, Jws, Some(MalformedToken), "there is no `alg`";
    AlgNoString, Jws, Some(MalformedToken), "`alg` is an object with the algorithm for a name";
    HmacWithPublicPem, Jws, Some(AlgorithmNotAllowed), "HS256 with the public key in PEM for a secret";
    HmacWithPublicJwk, Jws, Some(AlgorithmNotAllowed), "HS256 with the public JWK for a secret";

    // signature
    SignatureEmpty, Jws, Some(InvalidSignature), "the signature is empty";
    SignatureBitFlipped, Jws, Some(InvalidSignature), "one bit of the signature is flipped";
    SignatureShort, Jws, Some(InvalidSignature), "the last byte of the signature is missing";
    SignatureLong, Jws, Some(InvalidSignature), "the signature has a byte more";
    SignatureZero, Jws, Some(InvalidSignature), "all bytes of the signature are zero";
    SignatureInDer, Jws, Some(InvalidSignature), "the ECDSA signature is in DER";
    SignatureOfAnotherToken, Jws, Some(InvalidSignature), "the signature is that of another token";
    SignedByStranger, Jws, Some(InvalidSignature), "a stranger signed it and names the issuer's key";
    PayloadChanged, Jws, Some(InvalidSignature), "a claim was added after it was signed";
    HeaderChanged, Jws, Some(InvalidSignature), "a header parameter was added after it was signed";

    // keys
    KeyUnknown, Jws, Some(UnknownKey), "a stranger signed it and names his own key";
    KeyIdIsPath, Jws, Some(UnknownKey), "`kid` is the path of a file";
    KeyIdNoString, Jws, Some(MalformedToken), "`kid` is a number";
    KeyInHeader, Jws, Some(ForbiddenHeader), "the header brings the key (`jwk`) that signed it";
    KeyUrlInHeader, Jws, Some(ForbiddenHeader), "the header says where the key is (`jku`)";
    CertificateInHeader, Jws, Some(ForbiddenHeader), "the header brings a certificate (`x5c`)";
    CertificateUrlInHeader, Jws, Some(ForbiddenHeader), "the header says where the certificate is (`x5u`)";

    // header
    Critical, Jws, Some(ForbiddenHeader), "an extension is critical (`crit`)";
    CriticalEmpty, Jws, Some(ForbiddenHeader), "`crit` is an empty array";
    PayloadUnencoded, Jws, Some(ForbiddenHeader), "`b64` is false";
    Compressed, Jws, Some(ForbiddenHeader), "`zip` is there";
    HeaderRepeats, Jws, Some(MalformedToken), "`alg` is there twice";
    HeaderRepeatsEscaped, Jws, Some(MalformedToken), "`alg` is there twice, once with an escape";
    HeaderNoObject, Jws, Some(MalformedToken), "the header is an array";
    HeaderNoJson, Jws, Some(MalformedToken), "the header is no JSON";
    HeaderTooLarge, Jws, Some(TokenTooLarge), "the header is larger than 4 KiB";

    // encoding
    PaddedHeader, Jws, Some(MalformedToken), "the base64url of the header is padded";
    PaddedPayload, Jws, Some(MalformedToken), "the base64url of the payload is padded, and signed so";
    PaddedSignature, Jws, Some(MalformedToken), "the base64url of the signature is padded";
    TrailingBitsInPayload, Jws, Some(MalformedToken), "the base64url of the payload has bits left over, and is signed so";
    TrailingBitsInSignature, Jws, Some(MalformedToken), "the base64url of the signature has bits left over";
    StandardAlphabet, Jws, Some(MalformedToken), "the payload is in the alphabet of standard base64, and signed so";
    NewlineAtEnd, Jws, Some(MalformedToken), "a newline follows";
    SpaceBefore, Jws, Some(MalformedToken), "a space goes before";
    PercentEncoded, Jws, Some(MalformedToken), "the dots are percent-encoded";
    TwoParts, Jws, Some(MalformedToken), "the signature and its dot are missing";
    FourParts, Jws, Some(MalformedToken), "there is a fourth part";
    FiveParts, Jws, Some(MalformedToken), "there are five parts, as a JWE has";
    ManyParts, Jws, Some(MalformedToken), "there are a thousand parts";
    JsonSerialization, Jws, Some(MalformedToken), "it is in the JSON serialization";
    TooLarge, Jws, Some(TokenTooLarge), "the token is larger than 16 KiB";

    // payload
    PayloadNoJson, Claims, Some(MalformedToken), "the payload is text, and signed";
    PayloadNoObject, Claims, Some(MalformedToken), "the payload is an array, and signed";
    PayloadNoUtf8, Claims, Some(MalformedToken), "the payload is no UTF-8, and signed";
    PayloadEmpty, Claims, Some(MalformedToken), "the payload is empty, and signed";
    PayloadNested, Claims, None, "the payload is another token (`cty` is JWT)";
    ClaimRepeats, Claims, Some(DuplicateClaim), "`sub` is there twice";
    ClaimRepeatsEscaped, Claims, Some(DuplicateClaim), "`exp` is there twice, once with an escape";

    // claims
    Expired, Claims, Some(Expired), "it has expired a day ago";
    ExpiryMissing, Claims, Some(MissingClaim), "there is no `exp`";
    ExpiryNoNumber, Claims, Some(InvalidClaim), "`exp` is a string";
    ExpiryEndless, Claims, None, "`exp` is 1e400";
    ExpiryNegative, Claims, Some(Expired), "`exp` is negative";
    NotYetValid, Claims, Some(NotYetValid), "`nbf` is tomorrow";
    NotBeforeNoNumber, Claims, Some(InvalidClaim), "`nbf` is a string";
    IssuedTomorrow, Claims, Some(IssuedInFuture), "`iat` is tomorrow";
    IssuerMissing, Claims, Some(MissingClaim), "there is no `iss`";
    IssuerUnknown, Claims, Some(UntrustedIssuer), "`iss` is a stranger";
    IssuerWithSlash, Claims, Some(UntrustedIssuer), "`iss` has a slash more";
    IssuerInCapitals, Claims, Some(UntrustedIssuer), "`iss` is in upper case";
    IssuerInArray, Claims, Some(InvalidClaim), "`iss` is an array with the right name";
    AudienceMissing, Claims, Some(MissingClaim), "there is no `aud`";
    AudienceUnknown, Claims, Some(WrongAudience), "`aud` is another service";
    AudienceLonger, Claims, Some(WrongAudience), "`aud` begins with the right name";
    AudienceEmpty, Claims, Some(WrongAudience), "`aud` is an empty array";
    AudienceNoString, Claims, Some(InvalidClaim), "`aud` is an object";
    SubjectNoString, Claims, Some(InvalidClaim), "`sub` is a number";
    Bound, Claims, Some(BoundToken), "it is bound to a key (`cnf`)";
    DpopProof, Claims, Some(WrongType), "`typ` is that of a DPoP proof";
    LogoutToken, Claims, Some(WrongType), "`typ` is that of a logout token";
}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?} ({})", self.description())
    }
}
