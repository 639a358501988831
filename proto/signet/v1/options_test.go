package signetv1_test

import (
	"path/filepath"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	_ "github.com/signetd/signet/proto/signet/v1"
)

// TestOptions_OfOtherLanguages checks that every .proto file names the same
// package in each language. Without these options the names follow from the
// file and the proto package, and every later change of them breaks programs
// that use the generated code.
func TestOptions_OfOtherLanguages(t *testing.T) {
	paths, err := filepath.Glob("*.proto")
	if err != nil {
		t.Fatal(err)
	}
	files := 0
	protoregistry.GlobalFiles.RangeFilesByPackage("signet.v1", func(file protoreflect.FileDescriptor) bool {
		files++
		options := proto.CloneOf(file.Options().(*descriptorpb.FileOptions))
		if options.GetJavaOuterClassname() == "" {
			t.Errorf("%s has no java_outer_classname", file.Path())
		}
		options.JavaOuterClassname = nil

		want := &descriptorpb.FileOptions{
			GoPackage:            proto.String("github.com/signetd/signet/proto/signet/v1;signetv1"),
			JavaPackage:          proto.String("io.github.signetd.signet.v1"),
			JavaMultipleFiles:    proto.Bool(true),
			CsharpNamespace:      proto.String("Signet.V1"),
			RubyPackage:          proto.String("Signet::V1"),
			PhpNamespace:         proto.String(`Signet\V1`),
			PhpMetadataNamespace: proto.String(`Signet\V1\GPBMetadata`),
		}
		if !proto.Equal(options, want) {
			t.Errorf("%s has the options %v; want %v", file.Path(), options, want)
		}
		return true
	})
	if files != len(paths) || files == 0 {
		t.Errorf("the package has %d files, and the folder %d", files, len(paths))
	}
}

// TestOptions_JavaClassesDoNotClash checks that no outer class has the name of
// a class that protoc generates for a message, an enum or a service. protoc
// would rename the outer class.
func TestOptions_JavaClassesDoNotClash(t *testing.T) {
	classes := map[string]string{}
	add := func(class, what string) {
		if other, ok := classes[class]; ok {
			t.Errorf("%s and %s have the Java class %s", what, other, class)
		}
		classes[class] = what
	}
	protoregistry.GlobalFiles.RangeFilesByPackage("signet.v1", func(file protoreflect.FileDescriptor) bool {
		add(file.Options().(*descriptorpb.FileOptions).GetJavaOuterClassname(), file.Path())
		for i := range file.Messages().Len() {
			name := string(file.Messages().Get(i).Name())
			add(name, "message "+name)
			add(name+"OrBuilder", "message "+name)
		}
		for i := range file.Enums().Len() {
			name := string(file.Enums().Get(i).Name())
			add(name, "enum "+name)
		}
		for i := range file.Services().Len() {
			name := string(file.Services().Get(i).Name())
			add(name, "service "+name)
			add(name+"Grpc", "service "+name)
		}
		return true
	})
}
