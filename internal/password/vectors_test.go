package password

import (
	"slices"
	"strings"
)

// A vector is a hash that another program made.
type vector struct{ phc, password string }

// word is the password of most vectors.
const word = "pässwörd 1"

// importedHashes are vectors of all formats.
var importedHashes = slices.Concat(
	firstVectors, passlibVectors, djangoVectors, cryptVectors, phpVectors, springVectors,
	keycloakVectors)

// firstVectors are of several formats. Those of bcrypt are test vectors of
// crypt_blowfish and PHP. Those of pbkdf2 are from Python. That of scrypt is
// from the documentation of passlib. That of Firebase is from the description
// of its scrypt.
var firstVectors = []vector{
	{"$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U"},
	{
		"$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui",
		"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789chars after 72 are ignored",
	},
	{"$2y$07$BCryptRequires22Chrcte/VlQH0piJtjXl.0t1XkA8pw9dMXTpOq", "rasmuslerdorf"},
	{"$pbkdf2-sha256$4096$c2FsdA$xeR41ZKIyEGqUw22hFxMjZYok6ABzk4RpJY4c6qYE0o", "password"},
	{"$pbkdf2-sha256$i=4096,l=32$c2FsdA$xeR41ZKIyEGqUw22hFxMjZYok6ABzk4RpJY4c6qYE0o=", "password"},
	{
		"$pbkdf2-sha512$1000$c2FsdA$" +
			"r.bFUweFtsxrHGRTOEcxvV7kMu5Un9QvtmlXea2KHFv1neacSPd078QAfVKY.QM8AkHVq2kwXntk7O642DTP7A",
		"password",
	},
	{"$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E", "password"},
	{
		"$firebase-scrypt$ln=14,r=8$42xEC+ixf3L2lw==$Bw==" +
			"$jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==" +
			"$lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==",
		"user1password",
	},
}

// passlibVectors were made by passlib 1.7.4 and argon2-cffi 25.1.0, such as
// pbkdf2_sha1.using(rounds=1000).hash(word).
var passlibVectors = []vector{
	{"$pbkdf2$1000$tjbGmLO2NkaI0RpDCAGA0A$cLZBb3u1VH0ExySt0O4WlnEjcGM", word},
	{"$P$55C5PO2DSPzPuasKNYnNqYSHsfXry/1", word},
	{"$H$69uy7XHbS9QHU/AcdD5i1u1A7a7paQ0", word},
	{"$5$5Y1E43Ym8ZfceumS$Mo.WIyV5vATB2FIncDWTKvK1bUKgEKoXX6rSbNgvlX9", word},
	{"$5$rounds=1000$8/5GdzJsrTOrDjVN$UNQh717xg.vxOi1gAqFpBR23MIO6f9/5EV8EprrUmb/", word},
	{
		"$6$3y66cekWuLYK2qC4$KCU4wuLY5IEilCo9mT1KvTU1LN0sdl5gMVdVpQB6.oRZ8I7Lh1U5ER1c7zAAvimvALmiDsaScBb6" +
			"ppGfalkBz0",
		word,
	},
	{
		"$6$rounds=1234$SQ0Cmc.yG7Afv0iB$NUvGtz2wFhk4XU20.RcsFqkcbhmFA6wlkfT.fmuqbCIK6RNLpOeYpqv4oqn1KClc" +
			"QJ9Akg3A4aSl0I1xgYG7m1",
		word,
	},
	{"{SSHA}d2HWpDb25EYyv2Sp3U1EOjaUCANBKCXk", word},
	{"{SSHA}PK4u5Tgk27dOmRYGCepboMvvboWLkTJmrJVSCsF4b60VYgxh", word},
	{"{SSHA256}hPVDUwKR0eUop//MfrQOHgKuTYaTz6QGpawL1Pya7KphLKWU", word},
	{"{SSHA256}qaO+yVHRSDWfSelVTCAfMDRki2a/QAJV5AXz8CdBylQIAaBUSqn13psz5hyD8H7P", word},
	{
		"{SSHA512}PAZwCGpiCxjngna3tFsHD460OhgH3ngzYamcDbj5SbEH0J87HCyvImZAPCGY/suWoNlqQN+pdzAc/ojx1QfnCBV" +
			"CyHk=",
		word,
	},
	{
		"{SSHA512}tJ79ltuyPtiMz6is9g7i6uBvdZsoCgI7mse+SzZ7nsx9a0FOlzbvLOIcuE5e1b5MtZzJav1xiy3IhvR1sqt0YU9" +
			"JKaUU4pyTMgag1JrTes8=",
		word,
	},
	{"$argon2i$v=19$m=64,t=3,p=1$4xB4hwPBT+1lD2GF7zq0LA$BrJpvlWXgQrUMD9aL6lwBgNMxadt7jC7t7xXpoBcCH0", word},
	{"$argon2i$v=19$m=256,t=2,p=4$yZzVkSQk4mI$YCax+uVGhDnKqHNua+j78g", word},
}

// djangoVectors were made by Django 5.2.8, such as
// PBKDF2PasswordHasher().encode(word, "seasalt2", 1000). The second password of
// bcrypt_sha256 is longer than those of bcrypt.
var djangoVectors = []vector{
	{"pbkdf2_sha256$1000$seasalt2$X1KgQ/hJeqT8NWK8kqnc1YpoYV4We4FOKnURVERqHqY=", word},
	{"pbkdf2_sha1$1000$lLje2YvVNfHZYYJwGzJk9w$KvxJf9Rgn0jEZdPcebBAVR+0jTo=", word},
	{
		"argon2$argon2id$v=19$m=256,t=2,p=8$RW1OOGF5TkE5enBGVWs5UGo3aGxhYg$mdv5LsvRmyLO5Sc+JHbZ/SCrBo0Qol" +
			"o86A4HBvD5M/I",
		word,
	},
	{
		"argon2$argon2i$v=19$m=256,t=2,p=8$U29XUEF2SWxtNjIzQTRFSUxSU3VDUA$KXsZ9L8QIwQL6oAg/g+RsjEiqQg7AVS" +
			"XeL4Np8Mu7ZI",
		word,
	},
	{"$2b$04$EzMC9OE2VsXuIovV5cSSpukrbf.7.FAiZ1PPPrLCkQYinNQXTVHXi", word},
	{"bcrypt$$2b$04$EzMC9OE2VsXuIovV5cSSpukrbf.7.FAiZ1PPPrLCkQYinNQXTVHXi", word},
	{"bcrypt_sha256$$2b$04$S97YK.k3C401H1UlwG5OL.cbdpO3DY2gkCAcSP8dOv0ZQ7iAfRQja", word},
	{
		"scrypt$256$kDwAZJVMg4hyxR2ZFbqs5g$8$5$PRIN2wjJI1hHmzx+xzwBkSVlqhxPl2i7QDWANNUb0mk/sK3kp3XPlj40+q" +
			"d4rNLxlOTbVTbcjCHJRdIMGIh9Qw==",
		word,
	},
	{"bcrypt_sha256$$2b$04$XM6WTzARqvFzOpjivmidEuiOkU/z9o7QmkBF5uyh3m9WUIPEts5hC", strings.Repeat("p", 100)},
}

// cryptVectors were made by `openssl passwd -5` and `openssl passwd -6` of
// OpenSSL 3.0, and by `mkpasswd -m sha-512 -R 2000` of Debian's package whois.
var cryptVectors = []vector{
	{"$5$F7VNcRmz8s4x3BVx$vLaWh85euQ6jlo.76K8j3g6h48Ks3lOxsND6/0Bawd/", word},
	{
		"$6$V2WWEnLjmRVzX4Q.$oBtbktAuVvS9se3KNX7ZQ4/YCqGcNcsqK3GXPyMPZeMRu0hMHCn1yUU9lgxOjElKWp8JsHMHo15r" +
			"9Ot7vUaUN0",
		word,
	},
	{"$5$rounds=2000$h.v/bN.ReSA0tdgq$3sfVuobGRGLYDn7oWkniAHSnRoti7Ev.EmUn2eHU0F9", word},
	{
		"$6$rounds=2000$tWbmgq0mAcSds8Jr$CLIiX1wWaPkyv4pEvZqnpbHfd9p/Vl9e7M8xC189gK5b9o4y/zHqy.P3sRc/.skV" +
			"5TTcDdB/.1KgLl/2up/Vj0",
		word,
	},
	{
		"$6$rounds=1000$hnIUsLS7BN9V6qG0$UN5spisACNtgz/IWYARl1yuAPTY/HB8TMhw9cjjrWbtUjIAX6X9An4EPlWLrgFPu" +
			"r2/BX6/8azuo5IWtzIDyQ.",
		strings.Repeat("p", 130),
	},
}

// phpVectors were made by class-phpass.php of WordPress 6.1 with PHP 8.2:
// (new PasswordHash(8, true))->HashPassword(word).
var phpVectors = []vector{
	{"$P$B83Nyi4sa5ifj9hWO0PVQ5gmsqLphy0", word},
	{"$P$B7QpRiyunOdFpvTVcVLCFmNPoMwT760", strings.Repeat("p", 130)},
}

// springVectors were made by the encoders of
// PasswordEncoderFactories.createDelegatingPasswordEncoder() of Spring Security
// 5.7.14 and, those with SpringSecurity_v5_8, of 6.5.11. That of bcrypt is by
// new BCryptPasswordEncoder(4).
var springVectors = []vector{
	{
		"{argon2}$argon2id$v=19$m=4096,t=3,p=1$SjVbmpY9v64yd4ryErM4QQ$0UvBqU1zsjayVn5AwRvBpR/N+MKGvRmcPTX" +
			"cJuvGa40",
		word,
	},
	{"{bcrypt}$2a$04$n3S8tEArDqFaW9sZhQ7bV.nzkxbAk0QzgNgKUvkBOCYXRFRrlC/Q.", word},
	{"{ldap}{SSHA}8+3rHnPHlZpGhUP23Cl2w03d3QwTEsC2vBcEEw==", word},
	{"{pbkdf2}81bea057b7ba8685e6b3cdeb7136c75e402bb244f8a36029ccf8415e7e8a06752cf93ef7d4bfd1b7", word},
	{
		"{scrypt}$e0801$ywkCDF17i4uWo4TD5pHgYdqS7tDy+0TQCOh5VW6ZTC2O/8iCdGSjAOu1oV3ajiEdxLCU2JDFGxH1mC1jc" +
			"9MfUA==$RVpfdyeo4LthqjoAcjbX5aRJ/clqiMCx9JSUZ852er4=",
		word,
	},
	{"{sha256}4c1a450691263c30fe31ebdb524713f7d6e2c9655078327b6e2009178d5b6e798b454850722dbe35", word},
	{
		"{argon2@SpringSecurity_v5_8}$argon2id$v=19$m=16384,t=2,p=1$B2T0iTA7UtkTERu9tzVc5w$Q2FCroUVwJ42B/" +
			"u1F/66vGrOt80FL4b2JBej/UxzsYg",
		word,
	},
	{
		"{pbkdf2@SpringSecurity_v5_8}86e16ffc269137136b137b4a5fa2706e6712c2ddfc87c7d0af69ff7548d640a31664" +
			"f519df34b50afc3bab3e3c594306",
		word,
	},
	{
		"{scrypt@SpringSecurity_v5_8}$100801$WpekIOvwHGHMaSjpz9J0Yw==$TkP+GePbpv6cNtGjIPhEzUNL0hK0cWJvMTB" +
			"TAdQbOso=",
		word,
	},
}

// keycloakVectors have the sizes of Keycloak's salts and keys, and its argon2id
// parameters. Python's hashlib.pbkdf2_hmac and argon2-cffi made them. Keycloak
// does not normalize a password, so its argon2id hash has the prefix of Spring.
var keycloakVectors = []vector{
	{
		"$pbkdf2-sha1$i=1000,l=64$Mcf9kWr25EWNDDhW36iSzg$5FmDGaSPRSXcBj0vplfNucxS3hsOpSVgc/1FPMAWwOqizlDL" +
			"B67tRLU0PMl3JPb8vyWY2VMat4qimiBQtV7yjw",
		word,
	},
	{
		"$pbkdf2-sha256$1000$9degqou4dqR7+o5jpZVljA$Px7fSt8LzqdAqB6QG/aWyRV5oG99MmcVQoUQgpd5mnoIdrQpYpCa6" +
			"jcQzAQq3OP+9S6z4MzvudoKYHSOgMl4Ng",
		word,
	},
	{
		"$pbkdf2-sha512$i=1000,l=64$BwcVhcbzytkK5cs/geD6PQ$dhS+YhlY9RCtt0+lCKNHMO0PJYsi3rkCsNKRd3hvP+dGYZ" +
			"PI4riMZSsWE+7B58lOuFVCZd2ixO23oCXBLUlciA",
		word,
	},
	{
		"{argon2}$argon2id$v=19$m=7168,t=5,p=1$LWj8xGh9N2xxg8fqUaHhvw$OJUsb3BrizbRp1fR7iTF6jZa/NPZW4qeWxY" +
			"ofKnR/y0",
		word,
	},
}
